¡
&

	127.0.0.1‹Å
	127.0.0.1ÚÉl
Ùï€Ø ž±Ë\
Z
XGET /text/5000 HTTP/1.1
Host: 127.0.0.1:41611
User-Agent: curl/7.88.1
Accept: */*

™
Ùï€Ø¨ŽíËˆ
…
€HTTP/1.1 200 OK
content-length: 5000
x-envoy-upstream-service-time: 0
date: Fri, 20 Nov 2026 12:06:49 GMT
server: envoy

000000 the quick brown fox
000001 the quick brown fox
000002 the quick brown fox
000003 the quick brown fox
000004 the quick brown fox
000005 the quick brown fox
000006 the quick brown fox
000007 the quick brown fox
000008 the quick brown fox
000009 the quick brown fox
000010 the quick brown fox
000011 the quick brown fox
000012 the quick brown fox
000013 the quick brown fox
000014 the quick brown fox
000015 the quick brown fox
000016 the quick brown fox
000017 the quick brown fox
000018 the quick brown fox
000019 the quick brown fox
000020 the quick brown fox
000021 the quick brown fox
000022 the quick brown fox
000023 the quick brown fox
000024 the quick brown fox
000025 the quick brown fox
000026 the quick brown fox
000027 the quick brown fox
000028 the quick brown fox
000029 the quick brown fox
000030 the quick brown fox
000031 the quick brown fox
000032 the quick brown fox
000033i
Ùï€Ø¸ÜíËY
W
UGET /text/9 HTTP/1.1
Host: 127.0.0.1:41611
User-Agent: curl/7.88.1
Accept: */*

(