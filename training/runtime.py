"""ONNX Runtime sessions of the trainings."""

from pathlib import Path

import onnxruntime


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path.as_posix(), options, providers=["CPUExecutionProvider"])
