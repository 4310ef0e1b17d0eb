íI&

	127.0.0.1Ñæ
	127.0.0.1õ“„
ŸÔÄÿ†å–ú“
œ
ÃGET /text/5000 HTTP/1.1
host: 127.0.0.1:44281
user-agent: curl/7.88.1
accept: */*
x-forwarded-proto: http
x-request-id: 5f404441-5cdc-4979-a9f6-df7fbe5bbe1b
x-envoy-expected-rq-timeout-ms: 15000

»'
ŸÔÄÿ¯ßŸú∑'
¥'
±'HTTP/1.1 200 OK
Content-Length: 5000

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
000033 the quick brown fox
000034 the quick brown fox
000035 the quick brown fox
000036 the quick brown fox
000037 the quick brown fox
000038 the quick brown fox
000039 the quick brown fox
000040 the quick brown fox
000041 the quick brown fox
000042 the quick brown fox
000043 the quick brown fox
000044 the quick brown fox
000045 the quick brown fox
000046 the quick brown fox
000047 the quick brown fox
000048 the quick brown fox
000049 the quick brown fox
000050 the quick brown fox
000051 the quick brown fox
000052 the quick brown fox
000053 the quick brown fox
000054 the quick brown fox
000055 the quick brown fox
000056 the quick brown fox
000057 the quick brown fox
000058 the quick brown fox
000059 the quick brown fox
000060 the quick brown fox
000061 the quick brown fox
000062 the quick brown fox
000063 the quick brown fox
000064 the quick brown fox
000065 the quick brown fox
000066 the quick brown fox
000067 the quick brown fox
000068 the quick brown fox
000069 the quick brown fox
000070 the quick brown fox
000071 the quick brown fox
000072 the quick brown fox
000073 the quick brown fox
000074 the quick brown fox
000075 the quick brown fox
000076 the quick brown fox
000077 the quick brown fox
000078 the quick brown fox
000079 the quick brown fox
000080 the quick brown fox
000081 the quick brown fox
000082 the quick brown fox
000083 the quick brown fox
000084 the quick brown fox
000085 the quick brown fox
000086 the quick brown fox
000087 the quick brown fox
000088 the quick brown fox
000089 the quick brown fox
000090 the quick brown fox
000091 the quick brown fox
000092 the quick brown fox
000093 the quick brown fox
000094 the quick brown fox
000095 the quick brown fox
000096 the quick brown fox
000097 the quick brown fox
000098 the quick brown fox
000099 the quick brown fox
000100 the quick brown fox
000101 the quick brown fox
000102 the quick brown fox
000103 the quick brown fox
000104 the quick brown fox
000105 the quick brown fox
000106 the quick brown fox
000107 the quick brown fox
000108 the quick brown fox
000109 the quick brown fox
000110 the quick brown fox
000111 the quick brown fox
000112 the quick brown fox
000113 the quick brown fox
000114 the quick brown fox
000115 the quick brown fox
000116 the quick brown fox
000117 the quick brown fox
000118 the quick brown fox
000119 the quick brown fox
000120 the quick brown fox
000121 the quick brown fox
000122 the quick brown fox
000123 the quick brown fox
000124 the quick brown fox
000125 the quick brown fox
000126 the quick brown fox
000127 the quick brown fox
000128 the quick brown fox
000129 the quick brown fox
000130 the quick brown fox
000131 the quick brown fox
000132 the quick brown fox
000133 the quick brown fox
000134 the quick brown fox
000135 the quick brown fox
000136 the quick brown fox
000137 the quick brown fox
000138 the quick brown fox
000139 the quick brown fox
000140 the quick brown fox
000141 the quick brown fox
000142 the quick brown fox
000143 the quick brown fox
000144 the quick brown fox
000145 the quick brown fox
000146 the quick brown fox
000147 the quick brown fox
000148 the quick brown fox
000149 the quick brown fox
000150 the quick brown fox
000151 the quick brown fox
000152 the quick brown fox
000153 the quick brown fox
000154 the quick brown fox
000155 the quick brown fox
000156 the quick brown fox
000157 the quick brown fox
000158 the quick brown fox
000159 the quick brown fox
000160 the quick brown fox
000161 the quick brown fox
000162 the quick brown fox
000163 the quick brown fox
000164 the quick brown fox
000165 the quick brown fox
000166 the quick brown fox
000167 the quick brown fox
000168 the quick brown fox
000169 the quick brown fox
000170 the quick brown fox
000171 the quick brown fox
000172 the quick brown fox
000173 the quick brown fox
000174 the quick brown fox
000175 the quick brown fox
000176 the quick brown fox
000177 the quick brown fox
000178 the quick brown fox
000179 the quick brown fox
000180 the quick brown fox
000181 the quick brown fox
000182 the quick brown fox
000183 the quick brown fox
000184 the quick brown fox
00018Ç
ŸÔÄÿ†öıúÒ
Ó
ÎPOST /echo HTTP/1.1
host: 127.0.0.1:44281
user-agent: curl/7.88.1
accept: */*
content-length: 1500
content-type: application/x-www-form-urlencoded
x-forwarded-proto: http
x-request-id: 3e1378db-6946-4d5e-8fb1-f2892f46cbff
x-envoy-expected-rq-timeout-ms: 15000

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
000033 the quick brown fox
000034 the quick brown fox
000035 the quick brown fox
000036 the quick brown fox
000037 the quick brown fox
000038 the quick brown fox
000039 the quick brown fox
000040 the quick brown fox
000041 the quick brown fox
000042 the quick brown fox
000043 the quick brown fox
000044 the quick brown fox
000045 the quick brown fox
000046 the quick brown fox
000047 the quick brown fox
000048 the quick brown fox
000049 the quick brown fox
000050 the quick brown fox
000051 the quick brown fox
000052 the quick brown fox
000053 the quick brown fox
000054 the quick brown fox
000055 the quic°
ŸÔÄÿ†ë¯úê
ç
äHTTP/1.1 201 Created
Content-Length: 1500

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
000033 the quick brown fox
000034 the quick brown fox
000035 the quick brown fox
000036 the quick brown fox
000037 the quick brown fox
000038 the quick brown fox
000039 the quick brown fox
000040 the quick brown fox
000041 the quick brown fox
000042 the quick brown fox
000043 the quick brown fox
000044 the quick brown fox
000045 the quick brown fox
000046 the quick brown fox
000047 the quick brown fox
000048 the quick brown fox
000049 the quick brown fox
000050 the quick brown fox
000051 the quick brown fox
000052 the quick brown fox
000053 the quick brown fox
000054 the quick brown fox
000055 the quic‡
ŸÔÄÿ»§âùœ
Ã
…GET /text/0 HTTP/1.1
host: 127.0.0.1:44281
user-agent: curl/7.88.1
accept: */*
x-forwarded-proto: http
x-request-id: 4a5fa051-9c9c-44f4-a283-3078fa21bece
x-envoy-expected-rq-timeout-ms: 15000

:
ŸÔÄÿ∏”âù*
(
&HTTP/1.1 200 OK
Content-Length: 0

ß
ŸÔÄÿêÊïùñ
ì
êPOST /echo HTTP/1.1
host: 127.0.0.1:44281
user-agent: curl/7.88.1
accept: */*
content-length: 4
content-type: application/x-www-form-urlencoded
x-forwarded-proto: http
x-request-id: 1402191c-03ae-4bc0-b95a-0fccd664ce84
x-envoy-expected-rq-timeout-ms: 15000

"\
	C
ŸÔÄÿÄïñù3
1
/HTTP/1.1 201 Created
Content-Length: 4

"\
	