# SPDX-License-Identifier: MIT
# $(B)/tool/state_picture SOURCE STATE >OUT.jpg: draws a state's picture at build time.
STATE_PICTURE_SRC := capd/tools/state_picture.c capd/state_picture.c capd/pattern.c capd/font.c \
	capd/draw.c capd/encode/jpeg_huffman.c capd/encode/jpeg_strip.c common/stream.c

$(B)/tool/state_picture: $(call obj,$(STATE_PICTURE_SRC))
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -ljpeg
