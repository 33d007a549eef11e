"""Whether a folder lies in the copy that Ray makes of a job's working directory: what is written there is lost."""

from pathlib import Path

_MARKS = ("_ray_pkg_", "working_dir_files")  # in the paths under which Ray unpacks it


def in_job_copy(folder: Path) -> bool:
    """By the folder's name alone."""
    return any(mark in part for part in folder.parts for mark in _MARKS)
