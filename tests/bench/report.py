# SPDX-License-Identifier: MIT
"""The table: medians beside their yardsticks, the targets, and whether they are reached."""

from statistics import median

SUT, FLOOR, FFMPEG, ALONE = "screenshare", "floor", "ffmpeg", "jpeg"
VNC, XPRA = "vnc", "xpra"
SYSTEMS = (SUT, FLOOR, FFMPEG, ALONE, VNC, XPRA)


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


def ahead(is_more=False):
    """Of both yardsticks that others have; of the one that could be measured."""
    def is_met(medians):
        others = [medians[other] for other in (VNC, XPRA) if other in medians]
        if not others:
            raise KeyError(VNC)
        return medians[SUT] >= max(others) if is_more else medians[SUT] <= min(others)
    return Target("ahead of both", is_met)


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
MS = " ms"
ROWS["sink"] = [
    Row("sink to bytes at a viewer, p50", "way_p50", "ms", 1, at_most(40, MS)),
    Row("sink to bytes at a viewer, p95", "way_p95", "ms", 1, at_most(80, MS)),
    Row("flash to click by pts, median", "apart_p50", "ms", 1),
    Row("flash to click by pts, the worst", "apart_worst", "ms", 1, at_most(10, MS)),
    Row("click's pts to its sink, median", "date_error", "ms", 1),
    Row("the bench's own error, p95", "own_error", "ms", 2),
]
ROWS["heard"] = [
    Row("sink to audible, by the page, p50", "page_way_p50", "ms", 0, at_most(200, MS)),
    Row("sink to audible, recorded, p50", "way_p50", "ms", 0, at_most(200, MS)),
    Row("sink to audible, recorded, p95", "way_p95", "ms", 0),
    Row("flash to click, by the page, p95", "page_apart", "ms", 1, at_most(45, MS)),
    Row("flash to click, recorded, p95", "apart", "ms", 1, at_most(45, MS)),
    Row("flash to click, recorded, median", "apart_median", "ms", 1),
    Row("clicks heard, of those played", lambda f: f["n"] / f["sent"] * 100, "%", 0),
    Row("under-runs and jumps", lambda f: f["underRuns"] + f["jumps"], "", 0),
]
ROWS["skew"] = [
    Row("audible at the end, by the page", "page_last_p50", "ms", 0, at_most(220, MS)),
    Row("audible at the end, recorded", "last_p50", "ms", 0, at_most(220, MS)),
    Row("sink to audible, recorded, p95", "way_p95", "ms", 0),
    Row("clicks heard, of those played", lambda f: f["n"] / f["sent"] * 100, "%", 0),
    Row("under-runs and jumps", lambda f: f["underRuns"] + f["jumps"], "", 0),
    Row("its card waited for", "missing_ms", "ms", 0),
]
ROWS["socket"] = [
    Row("painted to drawn, p50", "drawn_p50", "ms", 1, at_most(50, MS)),
    Row("painted to drawn, p95", "drawn_p95", "ms", 1, at_most(80, MS)),
    Row("drawn, of the keys painted", "drawn_share", "%", 0),
    cpu(),
]
ROWS["audio"] = [
    Row("CPU of the audio daemon", "daemon", "%", 2, at_most(2, " %")),
    Row("CPU of httpd", "httpd", "%", 2),
    Row("Opus packets a second", "pieces_per_s", "", 1),
    Row("bytes of Opus", lambda f: f["bytes_per_s"] / 1000, "kB/s", 1),
]
ROWS["camera"] = [
    Row("CPU of the camera's daemon", "daemon", "%", 2, at_most(12, " %")),
    Row("CPU of httpd", "httpd", "%", 2),
    Row("pictures a second", "whole_fps", "", 2, at_least(29.5)),
    Row("taken to received, p95", "age_p95", "ms", 1),
    Row("bytes a frame", lambda f: f["frame_bytes"] / 1000, "kB", 0),
]
ROWS["cameramjpeg"] = [Row("CPU of the camera's daemon", "daemon", "%", 2, at_most(3, " %")),
                       *ROWS["camera"][1:]]
ROWS["slow"] = [
    Row("drawn after it was taken, p50", "behind_p50", "ms", 0),
    Row("drawn after it was taken, p95", "behind_p95", "ms", 0, at_most(200, MS)),
    Row("pictures a second", "drawn_fps", "", 1),
]
ROWS["sound50"] = [
    Row("missing sound, all viewers", "gaps", "", 0, at_most(0)),
    Row("the least samples a second of any", "least_rate", "", 0),
    Row("taken to received, p50", "age_p50", "ms", 1),
    Row("taken to received, p95", "age_p95", "ms", 1),
    Row("CPU of httpd", "httpd", "%", 1),
    Row("CPU of the audio daemon", "daemon", "%", 1),
    Row("CPU of the client, of one core", "client_share", "%", 0),
]


def drawn_rows(fps=(), p50=(), p95=(), cpu_at_most=(), sent=(), is_lean=True, step=()):
    """Of a workload in Chromium; each argument is the targets of its row."""
    return [
        Row("painted to drawn, p50", "drawn_p50", "ms", 1, *p50, ahead()),
        Row("painted to drawn, p95", "drawn_p95", "ms", 1, *p95, ahead()),
        # Equal within what a window of seconds can tell: nobody draws more than is painted.
        Row("frames drawn a second", "fps", "", 2, *fps,
            Target("ahead of both (1 %)", lambda m: m[SUT] * 1.01 >= max(
                m[other] for other in (VNC, XPRA) if other in m) if len(m) > 1 else None)),
        Row("bytes sent", lambda f: f["bytes_per_s"] / 1000, "kB/s", 1, *sent),
        Row("bytes a frame drawn", lambda f: f["frame_bytes"] / 1000, "kB", 2, *step,
            *((ahead(),) if is_lean else ())),
        cpu(*cpu_at_most),
        Row("… a frame drawn", "cpu_ms", "ms", 2, ahead()),
        Row("… and the X server's extra", lambda f: f["cpu_ms"] + f["x_extra"] * 10 / f["fps"], "ms", 2),
        Row("CPU of the browser", "client", "%", 0),
        Row("grabbed to drawn, by the page, p50", "own_p50", "ms", 1),
        Row("messages drawn a second", "messages_per_s", "", 1),
        Row("messages that did not apply", "misfits", "", 0, at_most(0)),
    ]


ROWS["deltastill"] = [
    Row("bytes of pictures", "picture_bytes", "", 0, at_most(0)),
    Row("all bytes sent", lambda f: f["bytes_per_s"] / 1000, "kB/s", 2),
    cpu(),
]
ROWS["deltacaret"] = [
    Row("all bytes sent", lambda f: f["bytes_per_s"] / 1000, "kB/s", 2, at_most(1, " kB/s")),
    Row("blinks drawn a second, of 1.89", "fps", "", 2),
    cpu(),
]
ROWS["deltatyping"] = drawn_rows(p50=[at_most(15, MS)], p95=[at_most(25, MS)], is_lean=False,
                                 cpu_at_most=[at_most(3, " %")], sent=[at_most(10, " kB/s")])
ROWS["deltascroll"] = drawn_rows(fps=[at_least(29.0)], p50=[at_most(28, MS)], p95=[at_most(40, MS)],
                                 cpu_at_most=[at_most(25, " %")], sent=[at_most(100, " kB/s")])
ROWS["deltafilm"] = drawn_rows(fps=[at_least(28.5)], p50=[at_most(50, MS)], p95=[at_most(75, MS)],
                               cpu_at_most=[at_most(40, " %")])
ROWS["deltabrowser"] = drawn_rows(cpu_at_most=[at_most(8, " %")], step=[at_most(20, " kB")])
ROWS["deltaterminal"] = drawn_rows()
ROWS["deltacrowd"] = [
    Row("CPU of all processes, beside one viewer's", "cpu_times", "", 2, at_most(1.5)),
    Row("CPU of all processes, twenty viewers", "cpu", "%", 1),
    Row("CPU of all processes, one viewer", "few_cpu", "%", 1),
    Row("CPU of the screen daemon, one viewer", "few_capture", "%", 1),
    Row("CPU of the screen daemon, twenty", "capture", "%", 1),
    Row("CPU of httpd, one viewer", "few_httpd", "%", 1),
    Row("CPU of httpd, twenty", "httpd", "%", 1),
    Row("frames of any viewer, of those of all", "fast_least_share", "", 3, at_least(0.98)),
    Row("frames a second of the slowest", "fast_least_fps", "", 2),
    Row("taken to received, p50", "fast_p50", "ms", 1),
    Row("taken to received, p95", "fast_p95", "ms", 1),
    Row("messages that did not apply", "fast_misfits", "", 0, at_most(0)),
    Row("CPU of the client, of one core", "client_share", "%", 0),
]
ROWS["deltaslow"] = ROWS["deltaslowfilm"] = [
    Row("frames of the fast ones, of those of all", "fast_least_share", "", 3, at_least(0.99)),
    Row("… without slow ones beside them", "few_share", "", 3),
    Row("frames a second of the slowest fast one", "fast_least_fps", "", 2),
    Row("… without slow ones beside them", "few_fps", "", 2),
    Row("fast: taken to received, p95", "fast_p95", "ms", 1),
    Row("slow: drawn after it was taken, p50", "slow_p50", "ms", 0),
    Row("slow: drawn after it was taken, p95", "slow_p95", "ms", 0, at_most(200, MS)),
    Row("slow: frames a second of the slowest", "slow_least_fps", "", 1),
    Row("slow: bytes sent to each", lambda f: f["slow_bytes_per_s"] / 1000, "kB/s", 0),
    Row("CPU, beside that of the fast ones alone", "cpu_times", "", 2, at_most(2)),
    Row("CPU of all processes, with the slow ones", "cpu", "%", 1),
    Row("CPU of the screen daemon, fast alone", "few_capture", "%", 1),
    Row("CPU of the screen daemon, with slow ones", "capture", "%", 1),
    Row("CPU of httpd, fast alone", "few_httpd", "%", 1),
    Row("CPU of httpd, with slow ones", "httpd", "%", 1),
    Row("messages that did not apply", lambda f: f["fast_misfits"] + f["slow_misfits"], "", 0, at_most(0)),
    Row("CPU of the client, of one core", "client_share", "%", 0),
]
ROWS["deltaexact"] = [
    row for workload in ("still", "typing", "scroll", "film", "browser", "terminal") for row in (
        Row(f"{workload}: wrong pixels at once", f"{workload}_at_once", "", 0),
        Row(f"{workload}: wrong pixels after 1 s", f"{workload}_wrong", "", 0, at_most(0)),
        Row(f"{workload}: exact after", f"{workload}_s", "s", 2))
]
TITLES = {
    "still": "still page of text", "typing": "typing, 30 keys/s", "scroll": "scrolling text, 30 fps",
    "film": "film, 30 fps", "film60": "film, 60 fps", "scroll4k": "3840×2160 scrolling, 30 fps",
    "film4k": "3840×2160 film, 30 fps", "scroll100": "100 viewers, scrolling text",
    "film100": "100 viewers, film", "deaf": "viewers that never read", "cold": "cold start",
    "rest": "at rest, nobody watching", "drawn": "Chromium, <img>",
    "sink": "clicks and flashes, WebSocket viewer", "heard": "clicks and flashes, Chromium, Smooth",
    "socket": "Chromium, WebSocket, Live, typing 23.7 keys/s", "audio": "two inputs, as Opus",
    "camera": "camera, 720p30 from YUYV", "cameramjpeg": "camera, 720p30, its own JPEG",
    "slow": "film, a viewer of 12 pictures a second", "sound50": "50 viewers who hear (PCM)",
    "skew": "Chromium, its sound card 0.2 % off",
    "deltastill": "delta, Chromium: still page of text", "deltacaret": "delta, Chromium: a blinking caret",
    "deltatyping": "delta, Chromium: typing, 23.7 keys/s",
    "deltascroll": "delta, Chromium: scrolling text, 29.3 fps", "deltafilm": "delta, Chromium: film, 29.3 fps",
    "deltabrowser": "delta, Chromium: a real browser, 9.7 steps/s",
    "deltaterminal": "delta, Chromium: a terminal, 29.3 fps",
    "deltacrowd": "delta: twenty viewers, scrolling text",
    "deltaslow": "delta: ten of 12 pictures/s beside ten fast, scrolling",
    "deltaslowfilm": "delta: ten of 12 pictures/s beside ten fast, film",
    "deltaexact": "delta: the client's picture against the screen",
}
# The yardsticks that stand beside the product, and whose ratio is shown: of the delta stream, what others have.
YARDSTICKS = ((FLOOR, True), (FFMPEG, True), (ALONE, False))
YARDSTICKS_OF_DELTA = ((VNC, True), (XPRA, True))
NAMES = {ALONE: "libjpeg", VNC: "VNC"}
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

    def columns(yardsticks, medians=None):
        cells = ""
        for system, has_ratio in yardsticks:
            name = NAMES.get(system, system)
            cells += f" {name if medians is None else cell(medians.get(system), row):>8}"
            if has_ratio:
                cells += f" {'×' if medians is None else ratio(medians, system):>6}"
        return f"{cells:<39}"

    form = "{:<44} {:>11}{}  {:<40} {}"
    shown = None
    for case, title in TITLES.items():
        if case not in results and case not in errors:
            continue
        yardsticks = YARDSTICKS_OF_DELTA if case.startswith("delta") else YARDSTICKS
        if yardsticks != shown:
            lines.append(form.format("", "screenshare", columns(yardsticks), "target", "").rstrip())
            shown = yardsticks
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
                                     columns(yardsticks, medians), targets, text).rstrip())
            rows.append({"case": case, "figure": row.label, "unit": row.unit, "medians": medians,
                         "targets": [target.text for target in row.targets], "is_met": is_met})
        for note in sorted(set(results[case].get("notes", []))):
            lines.append(f"  (left out: {note})")
        load = load_line(results[case])
        if load:
            lines.append(load)
    return lines, rows


def load_line(found):
    """Who else used the cores: medians over all rounds and systems of a case, the worst for others."""
    rounds = [f for system in SYSTEMS for f in found.get(system, []) if "others" in f]
    watched = [f for f in found.get(SUT, []) + found.get(FLOOR, []) if "others" in f]
    if not watched:
        return None
    parts = [f"{name} {median(f[key] for f in watched):.0f} %" for key, name in LOADS[:3]]
    worst = max(f["others"] for f in rounds)
    parts.append(f"others {median(f['others'] for f in rounds):.0f} % (at worst {worst:.0f} %)")
    return "  (load beside it: " + ", ".join(parts) + ")"
