"""What all tests share: property tests repeat exactly and know no deadline."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("qkdlab", deadline=None, derandomize=True)
settings.load_profile("qkdlab")
