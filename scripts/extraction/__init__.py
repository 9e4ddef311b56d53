# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
