// Models as files: round trips, the exact bytes of the format, and every way a file can be wrong.

import Foundation
import Kernels
import Tensors
import Testing

@Suite("Safetensors")
struct SafetensorsTests {
  static let sample: [Safetensors.Tensor] = [
    Safetensors.Tensor(name: "b", shape: [3], values: .float32([1.5, -0.0, .infinity])),
    Safetensors.Tensor(name: "a", shape: [], values: .float64([.pi])),
    Safetensors.Tensor(name: "ü\"\\", shape: [2, 1], values: .int64([.min, .max])),
    Safetensors.Tensor(name: "empty", shape: [0, 7], values: .uint8([])),
    Safetensors.Tensor(name: "i", shape: [2], values: .int32([.min, 7])),
    Safetensors.Tensor(name: "z", shape: [5], values: .uint8([0, 1, 2, 254, 255])),
  ]

  @Test("what is written reads back the same, bit by bit")
  func roundTrip() throws {
    let written = try Safetensors(tensors: Self.sample, metadata: ["key": "välue \u{1F984}"])
    let read = try Safetensors(data: written.data())
    #expect(read == written)
    #expect(read.tensors.map(\.name) == ["a", "b", "empty", "i", "z", "ü\"\\"])
    guard case .float32(let values)? = read["b"]?.values else {
      Issue.record("b must hold 32-bit numbers")
      return
    }
    #expect(values.map(\.bitPattern) == [0x3FC0_0000, 0x8000_0000, 0x7F80_0000])
  }

  @Test("the bytes are those of the format")
  func bytes() throws {
    let tensor = Safetensors.Tensor(name: "w", shape: [2], values: .float32([1, -2]))
    let data = try Safetensors(tensors: [tensor]).data()
    let header = #"{"w":{"data_offsets":[0,8],"dtype":"F32","shape":[2]}}"#
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    var expected = Data([UInt8(padded.utf8.count), 0, 0, 0, 0, 0, 0, 0])
    expected.append(Data(padded.utf8))
    expected.append(contentsOf: [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    #expect(data == expected)
    #expect(data.count % 8 == 0)
  }

  @Test("a file without tensors is a file")
  func empty() throws {
    let file = try Safetensors(tensors: [])
    #expect(try Safetensors(data: file.data()) == file)
  }

  @Test("names must be usable", arguments: [["w", "w"], ["__metadata__"], [""]])
  func names(_ names: [String]) {
    #expect(throws: SafetensorsError.self) {
      try Safetensors(
        tensors: names.map { Safetensors.Tensor(name: $0, shape: [1], values: .uint8([1])) })
    }
  }

  /// A file with this header and so many bytes of values.
  static func file(_ header: String, body: Int) -> Data {
    var data = Data()
    let count = UInt64(header.utf8.count)
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      data.append(UInt8(truncatingIfNeeded: count >> shift))
    }
    data.append(Data(header.utf8))
    data.append(Data(repeating: 0, count: body))
    return data
  }

  @Test(
    "a malformed header is refused",
    arguments: [
      (#"[]"#, 0, "brace"), (#" {}"#, 0, "brace"), (#"{"#, 0, "header"), (#"{} x"#, 0, "header"),
      (#"{"a":1,"a":1}"#, 0, "header"), (#"{"__metadata__":1}"#, 0, "no object"),
      (#"{"__metadata__":{"a":1}}"#, 0, "no string"), (#"{"w":1}"#, 0, "dtype"),
      (#"{"w":{"dtype":"F32","shape":[1]}}"#, 4, "dtype"),
      (#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, 4, "nothing else"),
      (#"{"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#, 1, "type"),
      (#"{"w":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}}"#, 2, "I16 is not one"),
      (#"{"w":{"dtype":7,"shape":[1],"data_offsets":[0,4]}}"#, 4, "type"),
      (#"{"w":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}"#, 4, "shape"),
      (#"{"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "shape"),
      (#"{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "shape"),
      (#"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, 4, "shape"),
      (#"{"w":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,4]}}"#, 4, "bytes"),
      (#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "offsets"),
      (#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, "offsets"),
      (#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "offsets"),
      (#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "outside"),
      (#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}"#, 4, "outside"),
      (#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "shape needs"),
      (#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "begins at 4"),
      (#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 8, "no tensor"),
      (
        #"{"v":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"#
          + #""w":{"dtype":"U8","shape":[3],"data_offsets":[2,5]}}"#, 5, "begins at 2"
      ),
    ] as [(String, Int, String)])
  func malformed(_ header: String, _ body: Int, _ words: String) {
    let error = #expect(throws: SafetensorsError.self) {
      try Safetensors(data: Self.file(header, body: body))
    }
    #expect(told(error).contains(words), "\(told(error))")
  }

  @Test("a length beyond the file is refused before anything is read", arguments: [0, 1, 7, 8, 9])
  func truncated(_ count: Int) {
    let claim = Data([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7B])
    #expect(throws: SafetensorsError.self) { try Safetensors(data: claim.prefix(count)) }
  }

  @Test("every prefix of a file is refused")
  func prefixes() throws {
    let data = try Safetensors(tensors: Self.sample, metadata: ["a": "b"]).data()
    for count in 0..<data.count {
      #expect(throws: SafetensorsError.self, "first \(count) bytes") {
        try Safetensors(data: data.prefix(count))
      }
    }
  }

  /// Seeded: the same 4000 corruptions in every run.
  @Test("a corrupted file is refused or read, and what was read can be written again")
  func corruption() throws {
    var stream = RandomStream(seed: 20_261_122, purpose: .test)
    let original = try Safetensors(tensors: Self.sample, metadata: ["a": "b"]).data()
    var refused = 0
    for _ in 0..<4000 {
      var data = original
      for _ in 0..<Int.random(in: 1...4, using: &stream) {
        let position = Int.random(in: 0..<data.count, using: &stream)
        switch Int.random(in: 0..<4, using: &stream) {
        case 0: data[position] ^= 1 << UInt8.random(in: 0..<8, using: &stream)
        case 1: data[position] = UInt8.random(in: 0...255, using: &stream)
        case 2: data.remove(at: position)
        default: data.insert(UInt8.random(in: 0...255, using: &stream), at: position)
        }
      }
      guard let read = try? Safetensors(data: data) else {
        refused += 1
        continue
      }
      // As bytes: values may be NaN, which equals nothing.
      #expect(try Safetensors(data: read.data()).data() == read.data())
    }
    // Most bytes are structure; the rest are values, where any bit is as good as another.
    #expect(refused > 2500 && refused < 4000)
  }
}
