# SPDX-License-Identifier: MIT
"""The table: medians beside their yardsticks, the targets, and whether they are reached."""

from statistics import median

SUT, FLOOR, FFMPEG, ALONE = "screenshare", "floor", "ffmpeg", "jpeg"
SYSTEMS = (SUT, FLOOR, FFMPEG, ALONE)


class Target:
    """A text, and a question to the row's medians: True, False, or None when it cannot be answered."""

    def __init__(self, text, is_met):
        self.text, self.is_met = text, is_met

    def ask(self, medians):
        try:
            return self.is_met(medians)
        except KeyError:
            return None


def at_most(limit, unit=""):
    return Target(f"≤ {limit}{unit}", lambda m: m[SUT] <= limit)


def at_least(limit, unit=""):
    return Target(f"≥ {limit}{unit}", lambda m: m[SUT] >= limit)


def between(low, high, unit=""):
    return Target(f"{low} to {high}{unit}", lambda m: low <= m[SUT] <= high)


def times(limit, system):
    return Target(f"≤ {limit} × {system}", lambda m: m[SUT] <= limit * m[system])


def share_of(limit, system):
    return Target(f"≥ {limit} × {system}", lambda m: m[SUT] >= limit * m[system])


def floor_plus(limit, unit):
    return Target(f"≤ floor + {limit}{unit}", lambda m: m[SUT] <= m[FLOOR] + limit)


class Row:
    def __init__(self, label, key, unit, digits, *targets):
        self.label, self.unit, self.digits, self.targets = label, unit, digits, targets
        self.key = key if callable(key) else lambda figures: figures[key]

    def medians(self, found):
        out = {}
        for system in SYSTEMS:
            try:
                values = [self.key(figures) for figures in found.get(system, [])]
            except KeyError:
                continue
            values = [value for value in values if value is not None]
            if values:
                out[system] = median(values)
        return out


def cpu(*targets):
    return Row("CPU, capture + serving", "cpu", "%", 1, *targets)


def cpu_with_x(*targets):
    return Row("… and the X server's extra", lambda f: f["cpu"] + f["x_extra"], "%", 1, *targets)


def rate(*targets):
    return Row("whole frames a second", "whole_fps", "", 2, *targets)


def delay(name, *targets):
    return Row(f"painted to received, {name}", f"{name}_ms", "ms", 1, *targets)


NEAR_FLOOR = times(1.4, FLOOR)
ROWS = {
    "still": [
        cpu(at_most(0.5, " %")),
        cpu_with_x(),
        Row("bytes sent", lambda f: f["bytes_per_s"] / 1000, "kB/s", 1),
    ],
    "typing": [
        cpu(at_most(5, " %"), NEAR_FLOOR),
        cpu_with_x(NEAR_FLOOR),
        rate(at_least(29.5)),
        delay("p50", at_most(6, " ms"), floor_plus(3, " ms")),
        delay("p95", at_most(12, " ms")),
        Row("bytes a frame", lambda f: f["frame_bytes"] / 1000, "kB", 0),
    ],
    "scroll": [
        cpu(NEAR_FLOOR, times(0.4, FFMPEG)),
        cpu_with_x(NEAR_FLOOR, times(0.4, FFMPEG)),
        rate(at_least(29.5)),
        delay("p50", at_most(18, " ms"), floor_plus(3, " ms")),
        delay("p95", at_most(30, " ms")),
        Row("bytes a frame", lambda f: f["frame_bytes"] / 1000, "kB", 0),
    ],
    "film": [
        cpu(NEAR_FLOOR, times(0.6, FFMPEG)),
        cpu_with_x(NEAR_FLOOR, times(0.6, FFMPEG)),
        rate(at_least(29.5)),
        delay("p50", at_most(18, " ms"), floor_plus(3, " ms")),
        delay("p95", at_most(30, " ms")),
        Row("bytes a frame", lambda f: f["frame_bytes"] / 1000, "kB", 0),
    ],
    "film60": [cpu(at_most(65, " %")), cpu_with_x(), rate(), delay("p50"), delay("p95")],
    "scroll4k": [cpu(), rate(at_least(29)), delay("p50", at_most(45, " ms")), delay("p95")],
    "film4k": [cpu(), rate(at_least(29)), delay("p50", at_most(45, " ms")), delay("p95")],
    "deaf": [
        Row("kernel memory of a deaf viewer", "kernel_kb", "KB", 0),
        Row("its memory in httpd", "httpd_kb", "KB", 0),
        Row("both, beside one frame", "cost_kb", "KB", 0, at_most(256, " KB")),
        Row("whole frames a second beside 24 of them", "whole_fps", "", 2, at_least(29.5)),
        Row("closed after", "closed_s", "s", 1, between(14.5, 18, " s")),
    ],
    "cold": [Row("first picture from cold", "first_ms", "ms", 0, at_most(150, " ms"))],
    "rest": [
        Row("capture daemon gone after", "gone_s", "s", 1, between(9, 12, " s")),
        Row("httpd's wake-ups a second", "wake_ups_per_s", "", 2, at_most(0.1)),
        Row("httpd's Private_Dirty", lambda f: f["dirty_kb"] / 1024, "MB", 1, at_most(3, " MB")),
        Row("httpd's PSS", lambda f: f["pss_kb"] / 1024, "MB", 1, at_most(6, " MB")),
    ],
    "drawn": [Row("painted to drawn, one change", "drawn_ms", "ms", 0, at_most(100, " ms"))],
}
ROWS["scroll100"] = ROWS["film100"] = [
    Row("frames a second of all 100", "fps_by_bytes", "", 1, share_of(0.95, FLOOR)),
    Row("… of the slowest", "least_fps_by_bytes", "", 1),
    Row("CPU of all processes", "cpu", "%", 1, times(1.3, FLOOR)),
    cpu_with_x(),
    delay("p50"),
    delay("p95"),
    Row("httpd's Private_Dirty a viewer", "kb_per_viewer", "KB", 1, at_most(64, " KB")),
]
TITLES = {
    "still": "still page of text", "typing": "typing, 30 keys/s", "scroll": "scrolling text, 30 fps",
    "film": "film, 30 fps", "film60": "film, 60 fps", "scroll4k": "3840×2160 scrolling, 30 fps",
    "film4k": "3840×2160 film, 30 fps", "scroll100": "100 viewers, scrolling text",
    "film100": "100 viewers, film", "deaf": "viewers that never read", "cold": "cold start",
    "rest": "at rest, nobody watching", "drawn": "Chromium, <img>",
}
# What a busier or a quieter machine would change: who else used it while a case ran.
LOADS = (("x", "X"), ("painter", "painter"), ("client", "client"), ("others", "others"))


def verdict(row, medians):
    """(text, is_met or None): ok, MISS with what was missed, or nothing where there is no target."""
    answers = [(target, target.ask(medians)) for target in row.targets]
    if not answers or SUT not in medians:
        return "", None
    missed = [target.text for target, answer in answers if answer is False]
    if missed:
        return "MISS" if len(answers) == 1 else "MISS " + ", ".join(missed), False
    if any(answer is None for _, answer in answers):
        return "?", None
    return "ok", True


def table(results, errors):
    """(lines, rows as dicts) of what was measured."""
    lines, rows = [], []

    def cell(value, row):
        return "–" if value is None else f"{value:.{row.digits}f}"

    def ratio(medians, other):
        if SUT not in medians or not medians.get(other) or medians[other] <= 0:
            return ""
        return f"{medians[SUT] / medians[other]:.2f}"

    form = "{:<40} {:>11} {:>8} {:>6} {:>8} {:>6} {:>8}  {:<34} {}"
    lines.append(form.format("", "screenshare", "floor", "×", "ffmpeg", "×", "libjpeg", "target", ""))
    for case, title in TITLES.items():
        if case not in results and case not in errors:
            continue
        lines.append(title)
        if case in errors:
            lines.append(f"  could not be measured: {errors[case]}")
            continue
        for row in ROWS[case]:
            medians = row.medians(results[case])
            if not medians:
                continue
            text, is_met = verdict(row, medians)
            targets = ", ".join(target.text for target in row.targets)
            label = row.label + (f", {row.unit}" if row.unit else "")
            lines.append(form.format("  " + label, cell(medians.get(SUT), row),
                                     cell(medians.get(FLOOR), row), ratio(medians, FLOOR),
                                     cell(medians.get(FFMPEG), row), ratio(medians, FFMPEG),
                                     cell(medians.get(ALONE), row), targets, text).rstrip())
            rows.append({"case": case, "figure": row.label, "unit": row.unit, "medians": medians,
                         "targets": [target.text for target in row.targets], "is_met": is_met})
        load = load_line(results[case])
        if load:
            lines.append(load)
    return lines, rows


def load_line(found):
    """Who else used the cores: medians over all rounds and systems of a case, the worst for others."""
    rounds = [f for system in found for f in found[system] if "others" in f]
    watched = [f for f in found.get(SUT, []) + found.get(FLOOR, []) if "others" in f]
    if not watched:
        return None
    parts = [f"{name} {median(f[key] for f in watched):.0f} %" for key, name in LOADS[:3]]
    worst = max(f["others"] for f in rounds)
    parts.append(f"others {median(f['others'] for f in rounds):.0f} % (at worst {worst:.0f} %)")
    return "  (load beside it: " + ", ".join(parts) + ")"
