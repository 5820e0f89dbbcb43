# SPDX-License-Identifier: MIT
# make bench-files   files up and down beside Debian's nginx (about ten minutes, 10 GB of disk)
#   BENCH_FILES='--rounds 1 --size 500'    rounds, and MB of a file
#   BENCH_FILES='--folder /mnt/disk'       on another disk than the working folder's

.PHONY: bench-files bench-files-run
bench-files: deps-bench
	@$(MAKE) --no-print-directory -s bench-files-run
bench-files-run: all $(BENCH_OUT)/client
	@/usr/bin/python3 $(BENCH_DIR)/files.py --bin $(B)/bin --programs $(BENCH_OUT) --folder $(BENCH_OUT) $(BENCH_FILES)
