-- SPDX-License-Identifier: GPL-2.0-only
--
-- Wireshark dissector of what ipcbook0 shows: an Ethernet header with ethertype
-- 0x88b5, struct ipcbook_capture of linux/ipcbook.h, the payload.
--
-- Wireshark finds it in a directory of plugins; else: tshark -X lua_script:FILE

local ipcbook = Proto("ipcbook", "ipcbook sockets")

local ETHERTYPE = 0x88b5
local HEADER = 112

local events = {
	[1] = "connect",
	[2] = "accept",
	[3] = "data",
	[4] = "shutdown",
	[5] = "close",
}

local f = ipcbook.fields
f.version = ProtoField.uint8("ipcbook.version", "Version")
f.event = ProtoField.uint8("ipcbook.event", "Event", base.DEC, events)
f.flags = ProtoField.uint8("ipcbook.flags", "Flags", base.HEX)
f.records = ProtoField.bool("ipcbook.flags.records", "Records", 8, nil, 0x01)
f.accepted = ProtoField.bool("ipcbook.flags.accepted", "Sent by who accepted", 8, nil, 0x02)
f.first = ProtoField.bool("ipcbook.flags.first", "First frame", 8, nil, 0x04)
f.last = ProtoField.bool("ipcbook.flags.last", "Last frame", 8, nil, 0x08)
f.detail = ProtoField.uint8("ipcbook.detail", "Detail")
f.sender = ProtoField.uint32("ipcbook.sender", "Sender")
f.receiver = ProtoField.uint32("ipcbook.receiver", "Receiver")
f.length = ProtoField.uint32("ipcbook.length", "Bytes in this frame")
f.total = ProtoField.uint32("ipcbook.total", "Bytes in all")
f.offset = ProtoField.uint32("ipcbook.offset", "Offset")
f.connection = ProtoField.uint64("ipcbook.connection", "Connection")
f.number = ProtoField.uint64("ipcbook.number", "Number")
f.position = ProtoField.uint64("ipcbook.position", "Position")
f.name = ProtoField.stringz("ipcbook.name", "Name")
f.data = ProtoField.bytes("ipcbook.data", "Data")

local cut = ProtoExpert.new("ipcbook.cut", "The frame is shorter than it says",
	expert.group.MALFORMED, expert.severity.ERROR)
ipcbook.experts = { cut }

local fixed = {
	{ f.version, 0, 1 }, { f.event, 1, 1 }, { f.flags, 2, 1 },
	{ f.records, 2, 1 }, { f.accepted, 2, 1 }, { f.first, 2, 1 },
	{ f.last, 2, 1 }, { f.detail, 3, 1 }, { f.sender, 4, 4 },
	{ f.receiver, 8, 4 }, { f.length, 12, 4 }, { f.total, 16, 4 },
	{ f.offset, 20, 4 }, { f.connection, 24, 8 }, { f.number, 32, 8 },
	{ f.position, 40, 8 }, { f.name, 48, 64 },
}

local function summary(buffer)
	local event = events[buffer(1, 1):uint()] or "unknown"
	local text = string.format("%s %s %s %u > %u %s",
		tostring(buffer(24, 8):uint64()),
		bit.band(buffer(2, 1):uint(), 0x02) ~= 0 and "<" or ">",
		event, buffer(4, 4):uint(), buffer(8, 4):uint(),
		buffer(48, 64):stringz())

	if event == "data" then
		text = text .. string.format(" %s %u+%u/%u",
			tostring(buffer(32, 8):uint64()),
			buffer(20, 4):uint(), buffer(12, 4):uint(),
			buffer(16, 4):uint())
	end
	return text
end

function ipcbook.dissector(buffer, packet, tree)
	if buffer:len() < HEADER or buffer(0, 1):uint() ~= 1 then
		return 0
	end

	local length = buffer(12, 4):uint()
	local there = math.min(length, buffer:len() - HEADER)
	local branch = tree:add(ipcbook, buffer(0, HEADER + there))

	packet.cols.protocol = "IPCBOOK"
	packet.cols.info = summary(buffer)
	for _, field in ipairs(fixed) do
		branch:add(field[1], buffer(field[2], field[3]))
	end
	if there > 0 then
		branch:add(f.data, buffer(HEADER, there))
	end
	if there < length then
		branch:add_proto_expert_info(cut)
	end
	return HEADER + there
end

DissectorTable.get("ethertype"):add(ETHERTYPE, ipcbook)
