"""Writes small NPZ and safetensors files by NumPy and by the safetensors library, for the tests of the readers and writers.

Run:  python bench/peers/make_array_files.py [output folder]
Needs numpy (2.4.6 was used), torch (2.14.1) and safetensors (0.8.0). Nothing is random.
"""

import pathlib
import sys

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch

arrays = {
    "0.weight": (np.arange(6, dtype=np.float32) / 4 - 0.5).reshape(2, 3),
    "0.bias": np.array([1 / 3, -2e-300]),
    "10.running_mean": np.array([], np.float32).reshape(0, 3),
    "10.num_batches_tracked": np.array(7, np.int64),
    "ids": np.array([[-1, 2], [3, 2**31 - 1]], np.int32),
    "mask": np.array([True, False, True]),
    "pixels": np.arange(5, dtype=np.uint8),
    "größe": np.array([2**62, -5], np.int64),
}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "stored.npz", **arrays)
    np.savez_compressed(folder / "deflated.npz", **arrays, zeros=np.zeros(1000))
    np.savez(
        folder / "others.npz",
        half=np.array([0.5, -np.inf, 2**-24, 65504], np.float16),
        big_endian=np.array([[1, 2], [3, 4]], ">f8"),
        fortran=np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        small=np.array([-128, 127], np.int8),
        unsigned=np.array([2**32 - 1], np.uint32),
    )
    safetensors.numpy.save_file(arrays, folder / "reference.safetensors", {"format": "np", "note": "\"quoted\" é"})
    half = torch.tensor([0.5, -float("inf"), 2**-24, 65504, 1 / 3, 0.0])
    safetensors.torch.save_file(
        {"half": half.to(torch.float16), "brain": half.to(torch.bfloat16)}, folder / "half.safetensors"
    )


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parents[2]
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "test/vectors/arrays")
