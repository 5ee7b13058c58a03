import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from "onnx-buf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toNumbers } from "../ndarray.ts";
import { readOnnx } from "./read.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fallline-onnx-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** y = x + w, with w of three numbers kept as the entries say; the path of its file. */
function writeSum(entries: Readonly<Record<string, string>>): string {
  const type = (dims: number[]) => ({
    value: {
      case: "tensorType" as const,
      value: {
        elemType: TensorProto_DataType.FLOAT,
        shape: { dim: dims.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } })) },
      },
    },
  });
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "sum",
      node: [{ opType: "Add", input: ["x", "w"], output: ["y"] }],
      input: [{ name: "x", type: type([3]) }],
      output: [{ name: "y", type: type([3]) }],
      initializer: [
        {
          name: "w",
          dataType: TensorProto_DataType.FLOAT,
          dims: [3n],
          dataLocation: TensorProto_DataLocation.EXTERNAL,
          externalData: Object.entries(entries).map(([key, value]) =>
            create(StringStringEntryProtoSchema, { key, value }),
          ),
        },
      ],
    },
  });
  const path = join(folder, "sum.onnx");
  writeFileSync(path, toBinary(ModelProtoSchema, model));
  return path;
}

const bytes = new Uint8Array(Float32Array.of(9, 1, 2, 3, 9).buffer);

describe("a model with data in other files", () => {
  it("reads them from where it says", async () => {
    writeFileSync(join(folder, "sum.onnx.data"), bytes);
    const { parameters } = await readOnnx(writeSum({ location: "sum.onnx.data", offset: "4", length: "12" }));
    expect(parameters.w && toNumbers(parameters.w)).toEqual([1, 2, 3]);
  });

  it("reads whole files, in folders beside it too", async () => {
    mkdirSync(join(folder, "weights"));
    writeFileSync(join(folder, "weights", "w"), bytes.subarray(4, 16));
    const { parameters } = await readOnnx(writeSum({ location: "weights/w" }));
    expect(parameters.w && toNumbers(parameters.w)).toEqual([1, 2, 3]);
  });

  it.each([
    [{ location: "absent" }, "there is no file absent beside the model"],
    [{ location: "../w" }, 'expected a file beside the model, found "../w"'],
    [{ location: "a/../../w" }, 'expected a file beside the model, found "a/../../w"'],
    [{ location: "/etc/hostname" }, 'expected a file beside the model, found "/etc/hostname"'],
    [{ offset: "4" }, 'expected a file beside the model, found ""'],
    [{ location: "w", offset: "12", length: "12" }, "w has 20 bytes; expected 12 of them from byte 12 on"],
    [{ location: "w", offset: "24" }, "w has 20 bytes"],
    [{ location: "w", offset: "-4" }, 'expected a whole number of bytes, found "-4"'],
    [{ location: "w", length: "99999999999999999999" }, "expected a whole number of bytes"],
    [{ location: "." }, 'expected a file beside the model, found "."'],
    [{ location: "folder" }, "folder is not a file"],
  ])("refuses %o in one line", async (entries, message) => {
    writeFileSync(join(folder, "w"), bytes);
    mkdirSync(join(folder, "folder"));
    const path = writeSum(entries as Record<string, string>);
    await expect(readOnnx(path)).rejects.toThrow(`readOnnx: ${path}: the data of tensor "w": ${message}`);
  });

  it("does not follow a link out of its folder", async () => {
    symlinkSync("/etc/hostname", join(folder, "w"));
    await expect(readOnnx(writeSum({ location: "w" }))).rejects.toThrow(
      "w is a link; expected a file beside",
    );
  });

  it("refuses data of another length than the shape's", async () => {
    writeFileSync(join(folder, "w"), bytes);
    await expect(readOnnx(writeSum({ location: "w" }))).rejects.toThrow("needs 3 elements, 5 are stored");
  });
});
