# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Packages that only some users need. What travels with a model's weights also takes libraries this way that the package
always has, such as scipy: there an import in sight would be asked of everybody who loads the model.
"""

import importlib
from types import ModuleType


def import_extra(module: str, extra: str) -> ModuleType:
    """
    Import a module that an extra of this package installs.

    Raises:
        ImportError: naming the extra, when it is not installed; with the reason, when it cannot be imported though it is.
    """
    package = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == package:
            raise ImportError(
                f"This needs {package}, which is not installed: pip install 'amuse-emotion[{extra}]'."
            ) from error
        raise ImportError(f"This needs {package}, which is installed but cannot be imported: {error}.") from error
