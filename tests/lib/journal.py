# SPDX-License-Identifier: MIT
"""systemd's own journal, in a mount namespace of a test's own, with our message catalogue in it."""

import json
import os
import re

from process import ROOT, Process, run_to_end
from wait import wait_for

SCRIPT = """set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
mount -t tmpfs none /usr/lib/systemd/catalog
cp "$1" /usr/lib/systemd/catalog/
mount -t tmpfs none /var/lib/systemd/catalog
journalctl --update-catalog
exec /lib/systemd/systemd-journald
"""
# What systemd sets for a service whose stderr leads to the journal.
JOURNAL_STREAM = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"'


class Journal:
    """`prefix` begins a command whose lines go there; its users see no /run but the journal's."""

    def __init__(self):
        is_root = os.geteuid() == 0
        self.process = Process(["unshare", "-m" if is_root else "-Urm", "sh", "-c", SCRIPT, "-",
                                os.path.join(ROOT, "conf", "screenshare.catalog")])
        self.enter = ["nsenter", "-m", "-t", str(self.process.pid)] + \
            ([] if is_root else ["-U", "--preserve-credentials"])
        self.prefix = (*self.enter, "sh", "-c", JOURNAL_STREAM, "-")
        wait_for(lambda: os.path.exists(f"/proc/{self.process.pid}/root/run/systemd/journal/socket"), 10,
                 "the journal's socket")

    def ask(self, *arguments):
        status, out, err = run_to_end([*self.enter, "journalctl", "--no-pager", "-q", "-D", "/run/log/journal",
                                       *arguments])
        assert status in (0, 1), err
        return out

    def entries(self, **fields):
        """Ours that have all of these, in order, without what the journal adds by itself."""
        found = []
        for line in self.ask("-o", "json", "--all").splitlines():
            entry = json.loads(line)
            if str(entry.get("SYSLOG_IDENTIFIER", "")).startswith("screenshare-") and \
                    all(entry.get(name) == value for name, value in fields.items()):
                found.append(entry)
        return found

    def wait_entry(self, deadline_s=10, **fields):
        return wait_for(lambda: self.entries(**fields), deadline_s, f"an entry with {fields}")[-1]


def message_ids():
    """{name: ID} of common/messages.h."""
    with open(os.path.join(ROOT, "common", "messages.h")) as file:
        return dict(re.findall(r'#define MESSAGE_(\w+)\s+"([0-9a-f]{32})"', file.read()))
