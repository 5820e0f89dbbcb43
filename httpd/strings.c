/* SPDX-License-Identifier: MIT */
#include "httpd/strings.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct string {
	const char *name;
	const char *text[LANGUAGE_COUNT];
};

/* clang-format off */
static const struct string STRINGS[] = {
	/* what the page's language is called in the other one */
	{"other_language", {"中文", "English"}},
	{"html_lang", {"en", "zh-CN"}},

	/* the start page */
	{"start_title", {"{{computer}} – screenshare", "{{computer}} – 屏幕共享"}},
	{"start_lead", {"Everyone on this network can watch.", "本网络中的任何人都可以观看。"}},
	{"start_paused", {"Sharing is paused. Open a page all the same: it goes on there by itself.",
		"共享已暂停。您仍可打开页面，恢复后会自动继续。"}},
	{"watch_screen", {"Watch the screen", "观看屏幕"}},
	{"watch_screen_hint", {"Live, with sound", "实时画面与声音"}},
	{"watch_camera", {"Watch the camera", "观看摄像头"}},
	{"watch_camera_hint", {"Live, with sound", "实时画面与声音"}},
	{"others_title", {"For other programs", "供其他程序使用"}},
	{"others_stream", {"Live picture for VLC, OBS and the like", "供 VLC、OBS 等软件使用的实时画面"}},
	{"others_camera", {"Live camera, likewise", "摄像头的实时画面，用法相同"}},
	{"others_sound", {"Live sound (WAV)", "实时声音（WAV）"}},
	{"others_still", {"One picture, as it is now", "当前画面的一张截图"}},

	/* the viewer's page: screen and camera */
	{"screen_title", {"Screen of {{computer}}", "{{computer}} 的屏幕"}},
	{"screen_alt", {"The shared screen", "共享的屏幕"}},
	{"camera_title", {"Camera of {{computer}}", "{{computer}} 的摄像头"}},
	{"camera_alt", {"The shared camera", "共享的摄像头"}},
	{"back", {"Back", "返回"}},
	{"fullscreen", {"Full screen", "全屏"}},
	{"fullscreen_leave", {"Leave full screen", "退出全屏"}},
	{"connecting", {"Connecting …", "正在连接…"}},
	{"reconnecting", {"Reconnecting …", "正在重新连接…"}},

	{"sound_on", {"Turn sound on", "打开声音"}},
	{"sound_off", {"Mute", "静音"}},
	{"mode_live", {"Live", "实时"}},
	{"mode_smooth", {"Smooth", "流畅"}},
	{"mode_hint", {"Live: each picture at once. Smooth: picture and sound together.",
		"实时：画面立即显示。流畅：画面与声音同步。"}},
	/* what the sound is doing, where it is not simply to be heard */
	{"sound_muted", {"The sound is muted on the computer", "电脑端已静音"}},
	{"sound_paused", {"The presenter has paused the sound", "演示者已暂停声音"}},
	{"sound_no_session", {"No sound: nobody is logged in", "没有声音：尚无用户登录"}},
	{"sound_locked", {"No sound: the computer is locked", "没有声音：电脑已锁屏"}},
	{"sound_not_allowed", {"No sound: it is not shared", "没有声音：声音未共享"}},
	{"sound_no_device", {"No sound: the computer has no sound device", "没有声音：电脑没有声音设备"}},
	{"sound_no_server", {"No sound: no sound server runs on the computer",
		"没有声音：电脑上没有运行声音服务"}},
	{"sound_unplugged", {"No sound: the sound device is unplugged", "没有声音：声音设备已断开"}},
	{"sound_not_answering", {"No sound: the computer does not provide it just now",
		"没有声音：电脑暂时无法提供声音"}},

	/* the start page's files */
	{"files_title", {"Files", "文件"}},
	{"files_lead", {"Drop files or folders here, or choose them.", "将文件或文件夹拖到此处，或选择文件。"}},
	{"files_choose", {"Choose files", "选择文件"}},
	{"files_send", {"Send", "发送"}},
	{"files_sender", {"Your name", "您的名字"}},
	{"files_all", {"All as one ZIP", "全部打包下载"}},
	{"files_filter", {"Search", "搜索"}},
	{"files_none", {"There is nothing here yet.", "这里还没有文件。"}},
	{"files_download", {"Download", "下载"}},
	{"files_rename", {"Rename", "重命名"}},
	{"files_delete", {"Delete", "删除"}},
	{"files_delete_ask", {"Delete this file?", "删除此文件？"}},
	{"files_rename_ask", {"New name", "新名称"}},
	{"files_pause", {"Pause", "暂停"}},
	{"files_resume", {"Resume", "继续"}},
	{"files_cancel", {"Cancel", "取消"}},
	{"files_cancel_ask", {"Cancel all that have not arrived?", "取消所有未送达的文件？"}},
	{"files_retry", {"Try again", "重试"}},
	{"files_clear", {"Clear", "清除"}},
	{"files_paused", {"paused", "已暂停"}},
	{"files_waiting", {"waiting", "等待中"}},
	{"files_arrived", {"arrived", "已送达"}},
	{"files_verified", {"arrived, verified", "已送达并校验"}},
	{"files_different", {"arrived, but is not the same", "已送达，但内容不一致"}},
	{"files_failed", {"failed", "失败"}},
	{"files_left", {"left", "剩余"}},
	{"files_more", {"Show more", "显示更多"}},
	{"files_newest", {"Newest", "最新"}},
	{"files_by_name", {"Name", "名称"}},
	{"files_by_size", {"Size", "大小"}},
	{"files_by_sender", {"Sender", "发送者"}},
	{"files_newer", {"Newer", "较新"}},
	{"files_older", {"Older", "较旧"}},
	{"files_together", {"All together", "总进度"}},
	{"files_page", {"Page {{page}} of {{n_pages}}", "第 {{page}} 页，共 {{n_pages}} 页"}},

	/* errors: what happened, and what to do */
	{"error_full_title", {"There is no room for this", "空间不足"}},
	{"error_full_text", {"Nothing of it was kept. Delete something, or ask whoever sits at this computer.",
		"未保留任何内容。请删除一些文件，或联系使用这台电脑的人。"}},
	{"error_right_title", {"This is not allowed", "不允许此操作"}},
	{"error_right_text", {"Only whoever has sent a file, or sits at this computer, may change it.",
		"只有文件的发送者或使用这台电脑的人才能更改它。"}},
	{"error_name_title", {"This name is taken", "名称已被占用"}},
	{"error_name_text", {"Choose another one.", "请换一个名称。"}},
	{"error_hint", {"To the start page", "返回首页"}},
	{"error_bad_title", {"This request was not understood", "无法理解此请求"}},
	{"error_bad_text", {"The browser sent something that this computer refuses to guess at.",
		"浏览器发送了这台电脑无法识别的内容。"}},
	{"error_peer_title", {"Only for this computer's network", "仅限本地网络访问"}},
	{"error_peer_text", {"Your address, {{peer}}, is outside of the networks that may watch. Join the same "
		"network as this computer, or ask its owner to add your address to “allow” in the section "
		"[http] of screenshare.conf.",
		"您的地址 {{peer}} 不在允许观看的网络范围内。请连接到与这台电脑相同的网络，或请其所有者在 "
		"screenshare.conf 的 [http] 部分的 “allow” 中添加您的地址。"}},
	{"error_host_title", {"This computer is not {{host}}", "这台电脑不是 {{host}}"}},
	{"error_host_text", {"It was asked for under a name that it does not know, and does not answer to those: "
		"another site could hide behind it. Use its address instead, http://{{address}}/, or ask its "
		"owner to add the name to “hosts” in the section [http] of screenshare.conf.",
		"请求使用了这台电脑不认识的名称。为防止其他网站冒用，它不会应答。请改用其地址 "
		"http://{{address}}/，或请其所有者在 screenshare.conf 的 [http] 部分的 “hosts” 中添加该名称。"}},
	{"error_page_title", {"Not from another site's page", "不允许来自其他网站的请求"}},
	{"error_page_text", {"A page of another site asked for a change here. Such requests are refused.",
		"其他网站的页面请求在此进行更改。此类请求会被拒绝。"}},
	{"error_missing_title", {"There is nothing here", "此处没有内容"}},
	{"error_missing_text", {"The address may be mistyped, or what was here is gone.",
		"地址可能有误，或者内容已不存在。"}},
	{"error_method_title", {"Not in this way", "不支持此操作"}},
	{"error_method_text", {"This address does not take requests of that method.",
		"此地址不接受该方法的请求。"}},
	{"error_slow_title", {"The request came too slowly", "请求过慢"}},
	{"error_slow_text", {"Its head must be here within a few seconds. Please try again.",
		"请求头必须在几秒内到达。请重试。"}},
	{"error_large_title", {"The request is too large", "请求过大"}},
	{"error_large_text", {"This computer takes only small requests here.", "此处只接受较小的请求。"}},
	{"error_wait_title", {"Nothing to show just yet", "暂时没有可显示的内容"}},
	{"error_wait_text", {"No picture came within a second. Please try again.",
		"一秒内没有收到画面。请重试。"}},
	{"error_server_title", {"Something went wrong here", "出现错误"}},
	{"error_server_text", {"This computer could not answer, probably for lack of memory. Please try again.",
		"这台电脑无法应答，可能是内存不足。请重试。"}},
	{"error_later_title", {"Not just now", "暂时不行"}},
	{"error_later_text", {"This computer cannot do that at the moment. Please try again.",
		"这台电脑暂时无法完成此操作。请重试。"}},
};
/* clang-format on */
#define N_STRINGS (sizeof(STRINGS) / sizeof(STRINGS[0]))

const char *string_find(enum language language, const char *name, size_t name_len)
{
	for (size_t i = 0; i < N_STRINGS; i++)
		if (strlen(STRINGS[i].name) == name_len &&
			memcmp(STRINGS[i].name, name, name_len) == 0)
			return STRINGS[i].text[language];
	return NULL;
}

const char *string_name(size_t n)
{
	return n < N_STRINGS ? STRINGS[n].name : NULL;
}

static const char *const TAGS[LANGUAGE_COUNT] = {"en", "zh"};

const char *language_tag(enum language language)
{
	return TAGS[language];
}

/* "zh", "zh-CN", "ZH-Hant-TW" are all "zh": one of ours is better than none. */
static bool range_is(const char *range, size_t len, const char *tag)
{
	size_t tag_len = strlen(tag);

	return len >= tag_len && strncasecmp(range, tag, tag_len) == 0 &&
	       (len == tag_len || range[tag_len] == '-');
}

/* The weight behind "zh;q=0.8", in thousandths; 1000 without one, 0 for nonsense. */
static unsigned weight_of(const char *range, size_t len)
{
	const char *q = memmem(range, len, "q=", 2);
	unsigned weight = 0, digit = 1000;

	if (!q)
		return 1000;
	for (const char *c = q + 2; c < range + len && digit > 0; c++) {
		if (*c == '.')
			continue;
		if (*c < '0' || *c > '9')
			break;
		weight += (unsigned)(*c - '0') * digit;
		digit /= 10;
	}
	return weight > 1000 ? 0 : weight;
}

enum language language_choose(const char *asked, const char *accept_language)
{
	enum language best = LANGUAGE_EN;
	unsigned best_weight = 0;

	for (enum language i = 0; asked && i < LANGUAGE_COUNT; i++)
		if (range_is(asked, strlen(asked), TAGS[i]))
			return i;
	for (const char *s = accept_language; s && *s != '\0';) {
		size_t len = strcspn(s, ","), name_len;
		unsigned weight = weight_of(s, len);

		name_len = strcspn(s, ",; \t");
		for (enum language i = 0; i < LANGUAGE_COUNT; i++) {
			if (range_is(s, name_len, TAGS[i]) && weight > best_weight) {
				best = i;
				best_weight = weight;
			}
		}
		s += len;
		s += strspn(s, ", \t");
	}
	return best;
}
