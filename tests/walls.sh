#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The walls between the folders, and the layers within them (doc/architecture.md): fails on an
# #include that crosses one.  The linker checks the same of what is linked (unit tests, programs);
# this checks what is known.
#
# A rule: files (a bash pattern of the path) ; what they may not include (an ERE, of the text between
# the quotes or brackets; a last "(!NAME)" excepts FOLDER/NAME.h) ; why.
set -u
cd "$(dirname "$0")/.." || exit 1
shopt -s extglob

rules=$(
	cat <<'RULES'
common/*                          ; ^(capd|httpd|cli|tests)/                                                                   ; common knows none of those that stand on it
common/*                          ; ^(event2|xcb|X11)/|^(event|jpeglib|llhttp|png|qrencode)\.h$                                ; common knows no device, codec, libevent or HTTP
common/!(control*)                ; ^jansson\.h$                                                                               ; only the control socket speaks JSON in common
httpd/*                           ; ^(capd|cli|tests)/                                                                         ; httpd knows only common and itself
httpd/*                           ; ^xcb/|^jpeglib\.h$|^linux/videodev2\.h$|^alsa/                                             ; httpd touches no device and decodes no media
httpd/*                           ; ring_writer\.h                                                                             ; only capture daemons write rings
capd/*                            ; ^(httpd|cli|tests)/                                                                        ; capd knows only common and itself
capd/*                            ; ^event2?[/.]|^(llhttp|jansson|qrencode)\.h$|^netinet/                                      ; capd never touches the network
capd/*                            ; ring_reader\.h                                                                             ; only httpd reads rings
cli/*                             ; ^(capd|httpd|tests)/                                                                       ; the command line knows only common and itself
cli/*                             ; ^event2?[/.]|^llhttp\.h$|^xcb/|^jpeglib\.h$                                                ; the command line serves no browser and shows no picture
cli/!(doctor/*)                   ; ^cli/doctor/                                                                               ; the other commands know no check

capd/encode/*                     ; ^capd/(daemon|output|subscriber|source|pattern)\.h|^capd/session/                             ; encoders lie below output and daemon
capd/encode/*                     ; ^capd/(camera|audio)/                                                                      ; encoders know no device
capd/encode/*                     ; ^capd/screen/(!tiles)                                                                      ; of the screen an encoder knows its tiles
capd/encode/*                     ; ^common/(ring_writer|capsock|service|log)\.h                                               ; an encoder knows no ring and no socket
capd/encode/*                     ; ^(xcb|systemd)/                                                                            ; an encoder knows no device and no event loop
capd/session/!(waiting).[ch]      ; ^capd/(daemon|output|subscriber|source)\.h|^capd/encode/                                          ; whose desktop it is is decided below the daemon
capd/session/*                    ; ^capd/(screen|camera|audio)/|^xcb/|^alsa/                                                  ; … and knows no device
capd/session/@(session_@(lock|policy|record)|kept_signals).[ch] ; ^systemd/sd-bus                                                              ; what may be shown is decided without asking
capd/session/!(logind*|xauthority).[ch] ; ^systemd/sd-bus                                                                       ; only logind and the rights to a display are asked for on a bus
capd/output.[ch]                  ; ^capd/(daemon|subscriber|source)\.h|^capd/(screen|camera|audio)/                           ; an output lies below the daemon
capd/subscriber.[ch]              ; ^capd/(daemon|output|source)\.h|^capd/(screen|camera|audio|encode)/                        ; a subscriber lies below the daemon
capd/@(announcement|demand|peer|reload|subscribers).[ch] ; ^capd/(daemon|output|source)\.h|^capd/(screen|camera|audio|encode)/                          ; the daemon's parts lie below it
capd/daemon.[ch]                  ; ^capd/(screen|camera|audio)/                                                               ; the daemon serves all sources alike
capd/@(source|picture).h          ; ^capd/(daemon|output|subscriber|encode|screen)                                             ; a source knows nothing of encoders, rings and sockets
capd/screen/!(main|pipeline|probe).[ch] ; ^capd/(daemon|output|subscriber)\.h|^capd/encode/                                          ; only main, pipeline and the probe know both source and encoders
capd/screen/tiles.[ch]            ; ^(xcb|systemd)/|^common/                                                                   ; the comparison is pure computing
capd/screen/@(notification*|control_wish).[ch] ; ^xcb/|^capd/(source|picture)\.h|^capd/screen/(x11|grab|tiles)                ; who is told of viewers knows no display
capd/camera/!(main|mjpeg|pipeline).[ch] ; ^capd/(daemon|output|subscriber)\.h                                                 ; only main and pipeline bring source and output together
capd/camera/*                     ; ^capd/(screen|audio)/|^alsa/                                                               ; each daemon has one source
capd/audio/*                      ; ^capd/(screen|camera)/|^linux/videodev2\.h$|^libv4l2\.h$                                   ; each daemon has one source
capd/audio/!(main|pipeline).[ch]  ; ^capd/(daemon|output|subscriber)\.h                                                          ; only main and pipeline bring sound and output together
capd/screen/*                     ; ^capd/(camera|audio)/|^alsa/|^libv4l2\.h$                                                  ; each daemon has one source
capd/!(screen)/*                  ; ^xcb/                                                                                      ; X11 is the screen's

httpd/@(frame|ring_watch).[ch]    ; ^httpd/(feed|subscription|viewer|conn|exchange|routes|server|request|response|status|access)            ; frames and rings lie below feeds
httpd/@(feed*|renewal|subscription).[ch] ; ^httpd/(viewer|conn|exchange|routes|server|request|response|status|access)                 ; a feed knows no viewer and no connection
httpd/@(renewal|subscription).[ch] ; ^httpd/(feed|feeds)\.h                                                                       ; a subscription, made again or not, knows no listener
httpd/conn.[ch]                   ; ^httpd/(feed|frame|viewer|exchange|routes|server|request|response|status|ring_watch|pages|snapshot) ; a connection knows no route, feed or file
httpd/tcp.[ch]                    ; ^httpd/(!tcp)|^event2                                                                        ; a socket knows no connection
httpd/request.[ch]                ; ^httpd/(!request)                                                                          ; a request knows no connection
httpd/response.[ch]               ; ^httpd/(feed|frame|viewer|routes|server|status|ring_watch)                                 ; an answer knows no feed
httpd/viewer*.[ch]                ; ^httpd/(routes|server|request|exchange|status|access|pages)                       ; viewers lie below routes
httpd/websocket.[ch]              ; ^httpd/(feed|frame|viewer|conn|exchange|routes|server|status|access|pages)                 ; a WebSocket knows no viewer and no connection
httpd/!(websocket).[ch]           ; ^wslay                                                                                     ; only the WebSocket knows wslay
httpd/@(exchange|body_intake).[ch] ; ^httpd/(feed|frame|viewer|routes|server|status|ring_watch)                                 ; an exchange knows no route and no feed
httpd/control_requests.[ch]       ; ^httpd/(control_server|conn|exchange|response)\.h|^event2                                    ; what is answered knows no socket
httpd/body_intake.[ch]            ; ^httpd/(exchange|response)                                                                   ; what receives a body does not answer
httpd/access.[ch]                 ; ^httpd/(feed|frame|viewer|routes|server|status|conn)                                       ; who may do what is decided without knowing what
httpd/files/*                     ; ^httpd/(feed|frame|viewer|ring_watch)                                                      ; files never see a feed
httpd/files/@(filename|form_parser|tus_head|range|entry|listing|list_text).[ch] ; ^httpd/(conn|exchange|response|routes|pages|site|status)\.h|^event2                 ; names, forms, heads and lists know no connection
httpd/files/@(path|store|trash|incoming|quota|tus_file|tus_info).[ch] ; ^httpd/(conn|exchange|response|routes|pages|site|status)\.h|^event2                                  ; the disk's side knows no connection
httpd/files/!(zip).[ch]           ; ^archive                                                                                   ; only the ZIP knows libarchive
httpd/@(watchers|pause_file).[ch] ; ^event2|^httpd/(feed|viewer|conn|presence|site)                                            ; a list and a file know no event loop
httpd/!(request*|main).[ch]       ; ^llhttp\.h$                                                                                ; only the request's reader knows llhttp
httpd/!(main|server).[ch]         ; ^httpd/server\.h                                                                           ; the server is the top
RULES
)

# FILE:LINE:NAME of every include, in one go.
mapfile -t includes < <(git ls-files -z '*.c' '*.h' ':!tests' |
	xargs -0 grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' /dev/null |
	sed -E 's/^([^:]*:[0-9]+:)[^"<]*["<]([^">]*)[">].*/\1\2/')
passed=0 failed=0
while IFS=';' read -r pattern forbidden why; do
	[ -n "${pattern// /}" ] || continue
	pattern=${pattern//[[:space:]]/}
	forbidden=${forbidden#"${forbidden%%[![:space:]]*}"}
	forbidden=${forbidden%"${forbidden##*[![:space:]]}"}
	except=
	if [[ $forbidden =~ ^(.*)\(!([a-z]+)\)$ ]]; then # FOLDER(!NAME): all of it but NAME
		forbidden=${BASH_REMATCH[1]} except="${BASH_REMATCH[1]}${BASH_REMATCH[2]}\\.h\$"
	fi
	bad=0
	for include in "${includes[@]}"; do
		file=${include%%:*} name=${include##*:}
		# shellcheck disable=SC2053 # a pattern it is
		[[ $file == $pattern && $name =~ $forbidden ]] || continue
		[ -n "$except" ] && [[ $name =~ $except ]] && continue
		echo "${include%:*}: includes $name, but${why%"${why##*[![:space:]]}"}"
		bad=1
	done
	if [ "$bad" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done <<<"$rules"
echo "$passed passed, $failed failed"
[ "${#includes[@]}" -gt 0 ] && [ "$failed" = 0 ]
