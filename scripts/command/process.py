# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Preparing the process of a command after its arguments are read: the number of threads, and the package."""

import importlib
import os
import sys
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

BY_DEFAULT = "AMUSE_DEFAULT_NUM_THREADS"
"""The environment variable with the number of threads that was set here, not by the user; processes started here inherit it."""


def prepare_process(num_threads: int | None = None):
    """
    Set the threads of torch, and register the model with transformers (this imports torch).

    Args:
        num_threads: the number of threads of this process. None: OMP_NUM_THREADS if the user or a launcher set it, else
            the number of cores that this process may use.
    """
    set_threads(num_threads)
    importlib.import_module("modeling_amuse").AmuseConfig  # noqa: B018  the first access to a name loads the package


def set_threads(num_threads: int | None = None):
    """
    Set the number of threads of torch. Threads wait passively, unless OMP_WAIT_POLICY says otherwise: threads that wait
    actively make a training step many times slower when another process computes on the same cores.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if num_threads is None and "OMP_NUM_THREADS" in os.environ:
        return
    threads = num_threads or max(1, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    if num_threads is None:
        os.environ[BY_DEFAULT] = str(threads)
    else:
        os.environ.pop(BY_DEFAULT, None)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # torch and other libraries read this when they are imported
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


@contextmanager
def threads_for_steps(trains_encoder: bool):
    """
    Set the number of threads for training steps, if the user did not choose it. Without a trained encoder, a step consists
    of many small operations (LSTMs over single tokens): waking a second thread for each takes longer than it saves, so that
    two threads need about twice the time of one (`scripts/benchmark.py step`).

    Args:
        trains_encoder: whether the steps train an encoder, whose operations are large.
    """
    import torch

    threads = torch.get_num_threads()
    is_default = os.environ.get("OMP_NUM_THREADS") == os.environ.get(BY_DEFAULT, "")
    if trains_encoder or not is_default:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def usable_cores() -> int:
    """The number of cores that this process may use, by its CPU affinity and its container's quota (cgroup)."""
    from joblib import cpu_count  # imported here, as the import takes 0.2 s

    return cpu_count()


def package_version() -> str:
    """The version of this package, even if it is not installed."""
    try:
        return version("amuse-emotion")
    except PackageNotFoundError:
        return importlib.import_module("modeling_amuse").__version__
