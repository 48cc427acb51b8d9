"""Commands on what runs take on the disk, and on the bin: `runs delete`, `disk`, `clean`, …"""

from __future__ import annotations

from argparse import Namespace

from core.commands.common import Fields, listed, say
from core.errors import RunError
from core.runs.disk import clean_run, disk_use
from core.runs.lab import Lab


def delete(lab: Lab, args: Namespace) -> Fields:
    record = lab.bin_run(args.run)
    say(f"{record.name} is in the bin; `python -m core runs restore {record.id}` brings it back.")
    return listed(lab, [record])


def restore(lab: Lab, args: Namespace) -> Fields:
    return listed(lab, [lab.restore_run(args.run)])


def empty_bin(lab: Lab, args: Namespace) -> Fields:
    before = disk_use(lab).total_bytes
    gone = lab.empty_bin(args.older_than_s)
    freed = before - disk_use(lab).total_bytes
    say(f"Deleted for good: {len(gone)} runs, {_mib(freed)}.")
    return {"runs": [{"run": r.id, "name": r.name} for r in gone], "freed_bytes": freed}


def disk(lab: Lab, args: Namespace) -> Fields:
    use = disk_use(lab)
    return {
        "runs": [
            {
                "run": each.run.id,
                "name": each.run.name,
                "bytes": each.size_bytes,
                "spare_bytes": each.spare_bytes,
                "in_bin": each.run.deleted_at is not None,
            }
            for each in use.runs
        ],
        "total_bytes": use.total_bytes,
        "bin_bytes": use.bin_bytes,
    }


def clean(lab: Lab, args: Namespace) -> Fields:
    runs = lab.runs() if args.all else [lab.run(args.run)]
    rows: list[Fields] = []
    for record in runs:
        try:
            freed = clean_run(lab, record.id)
        except RunError as error:
            if not args.all:
                raise
            say(str(error))  # it is being trained; the others are no worse for it
            continue
        rows.append({"run": record.id, "name": record.name, "freed_bytes": freed})
    total = sum(row["freed_bytes"] for row in rows)
    say(f"Freed {_mib(total)}.")
    return {"runs": rows, "freed_bytes": total}


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.1f} MiB"
