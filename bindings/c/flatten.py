"""Writes pannier_ffi.h: pannier.h without comments, directives and macros, for FFIs that parse C themselves.

    flatten.py pannier.h pannier_ffi.h
"""

import re
import sys
from pathlib import Path


def flatten(header: str) -> str:
    """The declarations of the header, one a paragraph. Refuses what an FFI's parser would not read."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r'#ifdef __cplusplus\nextern "C" \{\n#endif\n|#ifdef __cplusplus\n\}\n#endif\n', "", text)
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    text = text.replace("PNR_API ", "")
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n{2,}", "\n", text).strip() + "\n"
    for stray in ("#", "PNR_API", "__attribute__", "//", "extern", "/*"):
        if stray in text:
            raise SystemExit(f"flatten.py: '{stray}' is left in the flat header")
    return text


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(flatten(source.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
