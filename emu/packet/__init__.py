"""Bytes and what they mean: no behaviour, no state. All codecs have one shape: named offsets, `parse`-like readers, `build`."""
