/* Arrays of a case file, {data: a typed array, shape: [...]} by name: npz with stored members.

   A file of `refimpl vectors` is a row of members, each a local header of 30 bytes with its sizes,
   a name, an extra field, and an npy file. */
const TYPES = {
  "<f8": Float64Array, "<f4": Float32Array, "|b1": Uint8Array, "|u1": Uint8Array,
  "<i8": BigInt64Array, "<i4": Int32Array,
};

export function readNpz(bytes) {
  const arrays = {};
  for (let at = 0; bytes.readUInt32LE(at) === 0x04034b50; ) {
    if (bytes.readUInt16LE(at + 8) !== 0) throw new Error("expected stored members");
    const size = bytes.readUInt32LE(at + 22);
    const name = at + 30;
    const label = bytes.readUInt16LE(at + 26);
    const start = name + label + bytes.readUInt16LE(at + 28);
    at = start + size;
    arrays[bytes.toString("utf8", name, name + label - 4)] = readNpy(bytes.subarray(start, at));
  }
  return arrays;
}

function readNpy(bytes) {
  const start = 10 + bytes.readUInt16LE(8);
  const head = bytes.toString("latin1", 10, start);
  const type = TYPES[head.match(/'descr': '([^']*)'/)[1]];
  const shape = head.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((s) => s.trim()).map(Number);
  const data = new type(Uint8Array.from(bytes.subarray(start)).buffer); // a copy is aligned
  return { data, shape };
}

function npy({ data, shape }) {
  const descr = Object.keys(TYPES).find((key) => data instanceof TYPES[key]);
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.map((n) => n + ",").join(" ")}), }`;
  const head = Buffer.alloc(128, " ");
  head.write("\x93NUMPY\x01\x00\x76\x00" + dict, "latin1");
  head.write("\n", 127);
  return Buffer.concat([head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

export function writeNpz(arrays) {
  const members = [], directory = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const file = Buffer.from(`${name}.npy`);
    const data = npy(array);
    const head = Buffer.alloc(26); // from the version on: the same before the member and at the end
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(0x21, 8);
    head.writeUInt32LE(crc32(data), 10);
    head.writeUInt32LE(data.length, 14);
    head.writeUInt32LE(data.length, 18);
    head.writeUInt16LE(file.length, 22);
    members.push(Buffer.from("PK\x03\x04"), head, file, data);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), head, rest, file);
    offset += 30 + file.length + data.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length / 4, 4);
  end.writeUInt16LE(directory.length / 4, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...members, ...directory, Buffer.from("PK\x05\x06"), end]);
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
