import { open, realpath } from "node:fs/promises";
import { isAbsolute, join, normalize, relative } from "node:path";
import { fromBinary, isMessage, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "onnx-buf";
import { visitMessages } from "./messages.ts";

/**
 * The model of a file with the data of its tensors inside, where some lie in other files beside it: PyTorch's exporter writes
 * `net.onnx` and `net.onnx.data`. Bytes that are no model, or hold all they need, are given back as they are.
 *
 * @param folder where the model's file is
 * @throws Error saying of which tensor, when its file cannot be read, is outside the folder, or is shorter than it says
 */
export async function withExternalData(bytes: Uint8Array, folder: string): Promise<Uint8Array> {
  let model: ReturnType<typeof fromBinary<typeof ModelProtoSchema>>;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch {
    // What is wrong with it is told where it is decoded to be used.
    return bytes;
  }
  const outside: TensorProto[] = [];
  visitMessages(model, (message) => {
    if (
      isMessage(message, TensorProtoSchema) &&
      message.dataLocation === TensorProto_DataLocation.EXTERNAL &&
      message.externalData.length > 0
    )
      outside.push(message);
  });
  if (outside.length === 0) return bytes;
  for (const tensor of outside) {
    try {
      tensor.rawData = await externalBytes(tensor, folder);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`the data of tensor "${tensor.name}": ${reason}`, { cause });
    }
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
    tensor.externalData = [];
  }
  return toBinary(ModelProtoSchema, model);
}

async function externalBytes(tensor: TensorProto, folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = normalize(entries.get("location") ?? "");
  // A model may come from anywhere; it has no business with files elsewhere.
  if (location === "." || isAbsolute(location) || location.split(/[\\/]/).includes(".."))
    throw new Error(`expected a file beside the model, found "${entries.get("location") ?? ""}"`);
  const path = join(folder, location);
  // A link may lead out of the folder all the same.
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined && /^\.\.|^[\\/]|^\w:/.test(relative(await realpath(folder), real)))
    throw new Error(`${location} is a link; expected a file beside the model`);
  const file = await open(path).catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new Error(
      code === "ENOENT"
        ? `there is no file ${location} beside the model`
        : `${location} cannot be read (${code})`,
    );
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error(`${location} is not a file`);
    const offset = wholeNumber(entries.get("offset"), 0);
    const length = wholeNumber(entries.get("length"), stats.size - offset);
    if (length < 0 || offset + length > stats.size)
      throw new Error(
        `${location} has ${stats.size} bytes; expected ${length} of them from byte ${offset} on`,
      );
    const bytes = new Uint8Array(length);
    await file.read(bytes, 0, length, offset);
    return bytes;
  } finally {
    await file.close();
  }
}

function wholeNumber(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0 || text.trim() === "")
    throw new Error(`expected a whole number of bytes, found "${text}"`);
  return value;
}
