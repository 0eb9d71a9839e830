"""Builds the kernels in C where a compiler and Python's headers are; without them everything works as well.

Exits with 0 whatever happens. A process that is started with SIGHTLINE_KERNEL=python does not use what is built.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

BACKEND = Path(__file__).parent.parent / "backend"
FOLDERS = {"events": BACKEND / "ingest", "decisions": BACKEND / "serving"}
SECONDS_MAX = 50
FLAGS = ("-O3", "-shared", "-fPIC", "-fno-strict-aliasing")


def build(source: Path, target: Path, compiler: str | None = None, more: Sequence[str] = ()) -> str:
    """Compile `source` to `target` with `more` options, all or nothing; says what became of it."""
    target.unlink(missing_ok=True)              # what is left of an older source must not be taken for it
    named = shlex.split(compiler or os.environ.get("CC") or "cc")
    headers = Path(sysconfig.get_path("include"))
    if shutil.which(named[0]) is None or not (headers / "Python.h").is_file():
        return "left out: no C compiler, or no Python.h"
    part = target.with_suffix(".part")
    flags = (*FLAGS, *(("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()), *more)
    command = [*named, *flags, f"-I{headers}", str(source), "-o", str(part)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        if done.returncode:
            return f"left out: the compiler will not have it: {done.stderr.strip()[:200]}"
        part.replace(target)
    except (OSError, subprocess.SubprocessError) as error:
        return f"left out: {type(error).__name__}"
    finally:
        part.unlink(missing_ok=True)
    return "built"


def main() -> None:
    """For the interpreter that runs this."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
    for what, folder in FOLDERS.items():
        print(f"setup: the compiled kernel of {what}: {build(folder / 'kernel.c', folder / f'_kernel{suffix}')}")


if __name__ == "__main__":
    main()
