-- What tap2pcap knows of packets, for Wireshark 4.0 and newer.
--
-- 1. The comments of tap2pcap (`tap.trace_id=5`, `hubble.verdict=DROPPED`, `span.name="GET /"`) become fields with types, below
--    "tap2pcap" in the packet's details: tap.trace_id == 5, hubble.verdict == "DROPPED", span.duration_us > 100000.
--    All packets of a connection have the fields of its socket tap's trace, tap.trace_id, tap.kind and tap.file.
-- 2. HTTP/2 without TLS is found on nearly any port, by the client's preface; no "Decode As" is needed.
-- 3. Where an address only stands in for one that the trace lacks, the Info column says so.
--
-- `tap2pcap wireshark install` puts this file among the personal Lua plugins. For one run: tshark -X lua_script:tap2pcap.lua

-- A package and a user may both have installed it, and no protocol may be there twice. Each script has its own global variables, and
-- sees those in _G.
if _G.tap2pcap_is_loaded then
    return
end
_G.tap2pcap_is_loaded = true

set_plugin_info({
    version = "1",
    author = "tap2pcap",
    description = "The comments of tap2pcap as fields; HTTP/2 without TLS on any port",
})

-- Key, type, name. A field's abbreviation is the key of the comment.
local KEYS = {
    { "tap.trace_id", "uint64", "Trace id" },
    { "tap.kind", "string", "Kind of trace" },
    { "tap.file", "string", "File" },
    { "tap.sample_rate", "string", "Sample rate" },
    { "tap.request_id", "string", "x-request-id" },
    { "tap.time", "string", "Time" },
    { "tap.local_address", "string", "Local address in the trace" },
    { "tap.local_stand_in", "string", "Stand-in for the local address" },
    { "tap.remote_address", "string", "Remote address in the trace" },
    { "tap.remote_stand_in", "string", "Stand-in for the remote address" },
    { "tap.truncated", "bool", "Body truncated" },
    { "tap.lossy_text", "bool", "Body spoiled by JSON_BODY_AS_STRING" },
    { "tap.captured_length", "uint64", "Captured length" },
    { "tap.original_length", "uint64", "Original length" },
    { "tap.lost_bytes", "uint64", "Bytes lost before this packet" },
    { "tap.missing_bytes", "uint64", "Bytes missing before this packet" },
    { "tap.incomplete", "bool", "HTTP message broke off" },
    { "tap.incomplete_bytes", "uint64", "Bytes that never came" },
    { "tap.omitted_header", "string", "Header left out" },
    { "tap.redacted", "string", "Redacted" },
    { "tap.redacted_bytes", "uint64", "Redacted bytes" },

    { "hubble.verdict", "string", "Verdict" },
    { "hubble.drop_reason", "string", "Drop reason" },
    { "hubble.drop_reason_detail", "string", "Drop reason in detail" },
    { "hubble.policy_verdict", "string", "Policy verdict" },
    { "hubble.policy", "string", "Policy that decided" },
    { "hubble.egress_allowed_by", "string", "Egress allowed by" },
    { "hubble.ingress_allowed_by", "string", "Ingress allowed by" },
    { "hubble.egress_denied_by", "string", "Egress denied by" },
    { "hubble.ingress_denied_by", "string", "Ingress denied by" },
    { "hubble.policy_match", "string", "Policy match" },
    { "hubble.policy_log", "string", "Policy log" },
    { "hubble.source", "string", "Source pod" },
    { "hubble.source_identity", "uint64", "Source identity" },
    { "hubble.source_workload", "string", "Source workload" },
    { "hubble.source_service", "string", "Source service" },
    { "hubble.source_names", "string", "Source names" },
    { "hubble.destination", "string", "Destination pod" },
    { "hubble.destination_identity", "uint64", "Destination identity" },
    { "hubble.destination_workload", "string", "Destination workload" },
    { "hubble.destination_service", "string", "Destination service" },
    { "hubble.destination_names", "string", "Destination names" },
    { "hubble.direction", "string", "Direction" },
    { "hubble.is_reply", "bool", "Reply" },
    { "hubble.trace_reason", "string", "Trace reason" },
    { "hubble.auth_type", "string", "Authentication" },
    { "hubble.tunnel", "string", "Tunnel" },
    { "hubble.encrypted", "bool", "Encrypted" },
    { "hubble.source_xlated", "string", "Source after translation" },
    { "hubble.proxy_port", "uint64", "Proxy port" },
    { "hubble.interface", "string", "Interface" },
    { "hubble.l7", "string", "Layer 7 type" },
    { "hubble.latency_ns", "uint64", "Latency (ns)" },
    { "hubble.http", "string", "HTTP version" },
    { "hubble.kafka", "string", "Kafka" },
    { "hubble.summary", "string", "Summary" },
    { "hubble.file", "string", "Line of Cilium's source" },
    { "hubble.trace_id", "string", "Trace id of the request" },
    { "hubble.ip_trace_id", "uint64", "IP trace id" },
    { "hubble.socket", "string", "Socket translation point" },
    { "hubble.socket_cookie", "uint64", "Socket cookie" },
    { "hubble.uuid", "string", "UUID" },
    { "hubble.aggregate", "string", "Flows in this one" },
    { "hubble.duplicate", "bool", "Seen before at another point" },
    { "hubble.lost", "uint64", "Events that Hubble lost before this packet" },

    { "span.trace_id", "string", "Trace id" },
    { "span.id", "string", "Span id" },
    { "span.parent", "string", "Parent span id" },
    { "span.name", "string", "Name" },
    { "span.kind", "string", "Kind" },
    { "span.service", "string", "Service" },
    { "span.duration_us", "uint64", "Duration (µs)" },
    { "span.status", "string", "Status" },
    { "span.links", "uint64", "Links" },
    { "span.stack_frames", "uint64", "Stack frames" },
    { "span.match", "string", "Matched by" },
    { "span.event", "string", "Event" },
    { "span.time_ns", "uint64", "Time of the event (ns since 1970)" },
    { "span.attribute", "string", "Attribute" },
}

local tap2pcap = Proto("tap2pcap", "tap2pcap")
local fields, types = {}, {}
for _, entry in ipairs(KEYS) do
    local key, kind, name = entry[1], entry[2], entry[3]
    fields[key] = ProtoField[kind](key, name)
    types[key] = kind
end
-- The trees, which are filters too: hubble, span.
fields["tap"] = ProtoField.none("tap", "Trace")
fields["hubble"] = ProtoField.none("hubble", "Hubble flow")
fields["span"] = ProtoField.none("span", "Span")
-- span.time_ns, to read.
fields["span.time"] = ProtoField.absolute_time("span.time", "Time of the event", base.UTC)
-- What is no value of its key's type, as in tap.original_length=unknown, and what a newer tap2pcap may write.
fields["tap2pcap.comment"] = ProtoField.string("tap2pcap.comment", "Comment")
local declared = {}
for _, field in pairs(fields) do
    declared[#declared + 1] = field
end
tap2pcap.fields = declared

local comment_field = Field.new("frame.comment")
local stream_field = Field.new("tcp.stream")

-- As Rust's {:?} writes them.
local ESCAPES = { n = "\n", r = "\r", t = "\t", ["0"] = "\0" }

-- The UTF-8 of a code point; Lua 5.2 has no such function.
local function utf8_of(code)
    if code < 0x80 then
        return string.char(code)
    end
    local bytes, lead = {}, 0x80
    local limit = 0x20
    repeat
        table.insert(bytes, 1, string.char(0x80 + code % 0x40))
        code = math.floor(code / 0x40)
        lead = lead / 2 + 0x80
        local fits = code < limit
        limit = limit / 2
    until fits
    return string.char(math.floor(lead) % 0x100 + code) .. table.concat(bytes)
end

-- The text in quotes that begins at a place, and where it ends.
local function quoted(text, at)
    local parts = {}
    at = at + 1
    while at <= #text do
        local from, to = text:find('^[^"\\]+', at)
        if from then
            parts[#parts + 1] = text:sub(from, to)
            at = to + 1
        end
        local char = text:sub(at, at)
        if char == '"' then
            return table.concat(parts), at + 1
        elseif char == "\\" then
            local hex, after = text:match("^\\u{(%x+)}()", at)
            local code = hex and #hex <= 6 and tonumber(hex, 16)
            if code and code < 0x110000 and (code < 0xd800 or code > 0xdfff) then
                parts[#parts + 1] = utf8_of(code)
                at = after
            else
                local escaped = text:sub(at + 1, at + 1)
                parts[#parts + 1] = ESCAPES[escaped] or escaped
                at = at + 2
            end
        end
    end
    return table.concat(parts), at
end

-- A value that goes to the next space, or is in quotes; and where it ends.
local function value_at(text, at)
    if text:sub(at, at) == '"' then
        return quoted(text, at)
    end
    local value = text:match("^%S*", at)
    return value, at + #value
end

-- The value that a field of this type takes. nil: it takes none.
local function typed(kind, value)
    if kind == "bool" then
        if value == "true" then
            return true
        elseif value == "false" then
            return false
        end
        return nil
    elseif kind == "uint64" then
        if value:match("^%d+$") and #value <= 20 then
            return UInt64.new(value)
        end
        return nil
    end
    return value
end

local function add(tree, key, value)
    local field = fields[key]
    local converted = types[key] and typed(types[key], value)
    if converted == nil then
        field, converted = fields["tap2pcap.comment"], key .. "=" .. value
    end
    tree:add(field, converted):set_generated()
    if key == "span.time_ns" and value:match("^%d+$") and #value > 9 and #value < 20 then
        local time = NSTime.new(tonumber(value:sub(1, -10)), tonumber(value:sub(-9)))
        tree:add(fields["span.time"], time):set_generated()
    end
end

-- A comment about a span: many keys, or one attribute. A span's events and attributes follow it, and go into its tree.
local function add_span(root, trees, comment)
    local name, at = comment:match("^span%.attribute%.([^=]*)=()")
    if name then
        local value = value_at(comment, at)
        add(trees.span or root, "span.attribute", name .. "=" .. value)
        return
    end
    local tree = trees.span
    if not tree or comment:sub(1, 11) ~= "span.event=" then
        tree = root:add(fields["span"])
        tree:set_generated()
        trees.span = tree
    end
    local values = {}
    at = 1
    while true do
        local key, after = comment:match("^ *(span%.[%w_]+)=()", at)
        if not key then
            break
        end
        values[key], at = value_at(comment, after)
        add(tree, key, values[key])
    end
    if comment:match("%S", at) then
        tree:add(fields["tap2pcap.comment"], comment:sub(at)):set_generated()
    end
    if values["span.name"] then
        local kind = values["span.kind"]
        tree:append_text(": " .. values["span.name"]:gsub("%c", " ") .. (kind and " (" .. kind .. ")" or ""))
    end
end

-- What a connection's first packet says of all of them, by the number of the TCP stream.
local streams = {}

function tap2pcap.init()
    streams = {}
end

-- What holds for the whole connection: a socket's trace, and which addresses stand in. An exchange of HTTP is no whole connection.
local function of_connection(values)
    local about = {}
    if values["tap.kind"] and values["tap.kind"]:match("^socket_") then
        about.trace_id, about.kind, about.file = values["tap.trace_id"], values["tap.kind"], values["tap.file"]
    end
    local here, there = values["tap.local_stand_in"], values["tap.remote_stand_in"]
    if here and there then
        about.hint = " [both addresses are stand-ins]"
    elseif here or there then
        about.hint = " [" .. (here or there) .. " is a stand-in]"
    end
    return about
end

-- Comments into the tree. Returns what begins here, if this is the first packet of a connection or of an exchange.
local function add_comments(trees, found)
    local values = {}
    for at = 1, #found do
        local comment = found[at].value
        local family, rest = comment:match("^(%l+)%.(.*)$")
        if family == "span" then
            add_span(trees.root(), trees, comment)
        elseif family == "tap" or family == "hubble" then
            local key, value = rest:match("^([%w_]+)=(.*)$")
            if key then
                key = family .. "." .. key
                values[key] = value
                add(trees.of(family), key, value)
            else
                trees.of(family):add(fields["tap2pcap.comment"], comment):set_generated()
            end
        end
    end
    return values["tap.trace_id"] and values
end

-- The trees of a packet, which are made when something goes into them.
local function new_trees(tvb, tree)
    local trees = {}
    function trees.root()
        if not trees.top then
            trees.top = tree:add(tap2pcap, tvb(0, 0))
            trees.top:set_generated()
        end
        return trees.top
    end
    function trees.of(family)
        if not trees[family] then
            trees[family] = trees.root():add(fields[family])
            trees[family]:set_generated()
        end
        return trees[family]
    end
    return trees
end

function tap2pcap.dissector(tvb, pinfo, tree)
    local found = { comment_field() }
    local trees, first
    if #found > 0 then
        trees = new_trees(tvb, tree)
        first = add_comments(trees, found)
    elseif not next(streams) then
        return
    end
    local stream = stream_field()
    if not stream then
        return
    end
    if first then
        streams[stream.value] = of_connection(first)
    end
    local about = streams[stream.value]
    if not about then
        return
    end
    if about.trace_id and not first then
        trees = trees or new_trees(tvb, tree)
        for _, key in ipairs({ "trace_id", "kind", "file" }) do
            add(trees.of("tap"), "tap." .. key, about[key])
        end
    end
    if about.hint then
        pinfo.cols.info:append(about.hint)
    end
end

register_postdissector(tap2pcap)

-- HTTP/2: the connection's later packets go straight to a dissector of Lua's, which hands them on; a conversation takes no other.
local http2 = Dissector.get("http2")
local connection = Proto("tap2pcap_http2", "HTTP/2 found by its preface (tap2pcap)")

local function dissect(tvb, pinfo, tree)
    -- Wireshark lets TCP's dissector wait for more bytes, and not those that it calls: here it is HTTP/2 that may.
    if pinfo.can_desegment > 0 then
        pinfo.can_desegment = pinfo.can_desegment + 1
    end
    -- A packet that was captured short raises an error, which is in the tree already.
    local is_whole, length = pcall(http2.call, http2, tvb, pinfo, tree)
    return is_whole and length or tvb:len()
end

connection.dissector = dissect

local PREFACE = "PRI * HTTP/2.0"

connection:register_heuristic("tcp", function(tvb, pinfo, tree)
    if tvb:captured_len() < #PREFACE or tvb:raw(0, #PREFACE) ~= PREFACE then
        return false
    end
    pinfo.conversation = connection
    dissect(tvb, pinfo, tree)
    return true
end)
