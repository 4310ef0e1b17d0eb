// What a newer Wireshark makes of captures: the npm package @goodtools/wiregasm is Wireshark 4.4 as WebAssembly.
//
//     node newer.js SHARE FILTER CAPTURE...
//
// With the plugin and the profile in SHARE, prints a line of JSON for each packet that passes the filter: the capture, the packet's
// number, its columns, and the labels of its tree, each with the filter for it. Fails if Wireshark complains.
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

async function main([share, filter, ...captures]) {
    const complaints = [];
    const wiregasm = await loadWiregasm({
        locateFile: (name) => path.join(dist, name),
        print: () => {},
        printErr: (line) => line.includes(" INFO]") || complaints.push(line),
        handleStatus: () => {},
    });
    wiregasm.FS.writeFile("/plugins/tap2pcap.lua", fs.readFileSync(path.join(share, "tap2pcap.lua")));
    // It knows no profiles: these are its settings.
    for (const name of ["preferences", "colorfilters"]) {
        wiregasm.FS.writeFile(path.join("/wireshark", name), fs.readFileSync(path.join(share, "profile", name)));
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
