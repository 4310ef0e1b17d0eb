// What a newer Wireshark makes of captures: the npm package @goodtools/wiregasm is Wireshark 4.4 as WebAssembly.
//
//     node newer.js PLUGIN FILTER CAPTURE...
//
// Prints a line of JSON for each packet that passes the filter: the capture, the packet's number, its columns, and the labels of its
// tree, each with the name of its field. Fails if Wireshark refuses the plugin, the filter or a capture.
"use strict";

const fs = require("fs");
const path = require("path");
const loadWiregasm = require("@goodtools/wiregasm/dist/wiregasm");

const dist = path.dirname(require.resolve("@goodtools/wiregasm/dist/wiregasm"));

function labels(tree, into) {
    for (let at = 0; at < tree.size(); at++) {
        const node = tree.get(at);
        into.push([node.filter, node.label]);
        labels(node.tree, into);
    }
    return into;
}

function list(vector) {
    return Array.from({ length: vector.size() }, (_, at) => vector.get(at));
}

async function main([plugin, filter, ...captures]) {
    const complaints = [];
    const wiregasm = await loadWiregasm({
        locateFile: (name) => path.join(dist, name),
        print: () => {},
        printErr: (line) => line.includes(" INFO]") || complaints.push(line),
        handleStatus: () => {},
    });
    if (plugin) {
        wiregasm.FS.writeFile("/plugins/tap2pcap.lua", fs.readFileSync(plugin));
    }
    wiregasm.init();
    const checked = wiregasm.checkFilter(filter);
    if (!checked.ok) {
        throw new Error(`${filter}: ${checked.error}`);
    }
    for (const capture of captures) {
        const place = "/uploads/capture";
        wiregasm.FS.writeFile(place, fs.readFileSync(capture));
        const session = new wiregasm.DissectSession(place);
        const loaded = session.load();
        if (loaded.code !== 0) {
            throw new Error(`${capture}: ${loaded.error}`);
        }
        for (const { number, columns } of list(session.getFrames(filter, 0, 0).frames)) {
            const tree = labels(session.getFrame(number).tree, []);
            console.log(JSON.stringify({ capture, number, columns: list(columns), tree }));
        }
        session.delete();
    }
    if (complaints.length > 0) {
        throw new Error(complaints.join("\n"));
    }
}

main(process.argv.slice(2)).catch((error) => {
    console.error(error.message ?? error);
    process.exitCode = 1;
});
