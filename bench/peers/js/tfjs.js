import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

/**
 * TensorFlow.js with its wasm backend (SIMD), as it is started in Node.
 *
 * @param {number} threads the wasm backend uses more than one only where web workers exist
 */
export async function startTensorFlow(threads) {
  // Node's fetch reads no file: URLs, so the backend must read its binary by path.
  setWasmPaths(fileURLToPath(new URL("./node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url)));
  setThreadsCount(threads);
  await tf.setBackend("wasm");
  await tf.ready();
  return tf;
}
