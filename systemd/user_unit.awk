# SPDX-License-Identifier: MIT
#
# Makes of one of the system's units the same for a user's own systemd (`systemctl --user`): the same
# shape and the same words, in that user's folders and with nothing but that user's rights.
#
#     /run/screenshare      $XDG_RUNTIME_DIR/screenshare                 sockets
#     /var/lib/screenshare  ~/.local/state/screenshare                   the same as of `screenshare run`
#     /etc/screenshare      ~/.config/screenshare, if that is there      likewise
#
# Of a service or a socket only those settings are taken that are named here: users, capabilities,
# devices and namespaces are the system's to give.  A setting that is not known is left out.
BEGIN {
	n = split("Type NotifyAccess ExecStop ExecReload RemainAfterExit UMask LimitNOFILE " \
		"Restart RestartSec RestartPreventExitStatus SuccessExitStatus " \
		"WatchdogSec TimeoutStartSec TimeoutAbortSec TimeoutStopSec " \
		"RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve " \
		"SyslogIdentifier LogLevelMax " \
		"NoNewPrivileges LockPersonality MemoryDenyWriteExecute RestrictAddressFamilies " \
		"RestrictNamespaces RestrictRealtime SystemCallArchitectures SystemCallFilter " \
		"SystemCallErrorNumber " \
		"ListenStream ListenSequentialPacket ListenNetlink BindIPv6Only FileDescriptorName " \
		"ReusePort RemoveOnStop FlushPending Service SocketMode TriggerLimitIntervalSec", names, " ")
	for (i = 1; i <= n; i++)
		kept[names[i]] = 1
	state = "%h/.local/state/screenshare"
	config = "--config-if-there %E/screenshare/screenshare.conf"
	print "# SPDX-License-Identifier: MIT"
	print "# Made of the system's unit of the same name, which says why things are as they are."
}

/^[#;]/ || /^[ \t]*$/ { next }

/^\[/ {
	section = $0
	print "\n" section
	next
}

{
	key = $0
	sub(/=.*/, "", key)
	gsub("/run/screenshare/", "%t/screenshare/")
	sub(/=multi-user\.target$/, "=default.target")
}

# Kernel modules are loaded by the system's systemd.
section == "[Unit]" && /=modprobe@/ { next }
section == "[Unit]" || section == "[Install]" { print; next }

key == "ExecStart" && $1 ~ /\/screenshare-[a-z]+$/ {
	program = $1
	sub(/.*\/screenshare-/, "", program)
	if (program == "httpd")
		print "ExecStartPre=/bin/mkdir -p -m 0700 " state
	print $1 " --runtime %t/" (program == "audio" ? "screenshare-audio" : "screenshare") \
		" --state " state " " config
	next
}
key ~ /^Exec/ && /systemctl / {
	sub(/=-\+/, "=-")
	sub(/systemctl /, "&--user ")
	print
	next
}
# One way for all here, and nobody but this user to signal: the system's own words for
# httpd ask the system's service first.
key == "ExecReload" { print "ExecReload=/bin/kill -HUP $MAINPID"; next }
key == "ExecStart" || key in kept { print }
