// Files read tensor by tensor: the values of every float type, and what is refused.

import Foundation
import Kernels
import Tensors
import Testing

@Suite("Safetensors files read in pieces")
struct SafetensorsFileTests {
  /// The values of one tensor of a type with these bytes.
  private func floats(_ type: String, _ body: [UInt8], count: Int) throws -> [Float] {
    let header =
      #"{"w":{"dtype":"\#(type)","shape":[\#(count)],"data_offsets":[0,\#(body.count)]}}"#
    let file = try SafetensorsFile(bytes: file(header, body: body))
    let entry = try #require(file["w"])
    var values = [Float](repeating: .nan, count: count + 2)
    try file.readFloats(of: entry, into: &values, at: 1)
    #expect(values[0].isNaN && values[count + 1].isNaN, "only its own places are written")
    return Array(values[1...count])
  }

  /// By the definition of the format: (-1)^s 2^(e - 15) (1 + f/1024), or 2^-14 f/1024 for e = 0.
  @Test("all finite F16 numbers are the values that IEEE 754 gives them")
  func float16() throws {
    var bytes: [UInt8] = []
    var expected: [Double] = []
    for bits in UInt16.min...UInt16.max where bits >> 10 & 0x1F != 0x1F {
      bytes += [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
      let exponent = Int(bits >> 10 & 0x1F)
      let fraction = Double(bits & 0x3FF) / 1024
      let magnitude =
        exponent == 0
        ? fraction * 0x1p-14 : (1 + fraction) * Foundation.pow(2, Double(exponent - 15))
      expected.append(bits >> 15 == 1 ? -magnitude : magnitude)
    }
    let values = try floats("F16", bytes, count: expected.count)
    #expect(values.map(Double.init) == expected)
    #expect(values.map(\.sign) == expected.map(\.sign))
  }

  @Test("BF16 is the upper half of F32")
  func bfloat16() throws {
    let originals: [Float] = [0, -0, 1, -1.5, 3.0e38, 1.0e-38, 0x1p-133]
    let bytes = originals.flatMap { value in
      [UInt8(value.bitPattern >> 16 & 0xFF), UInt8(value.bitPattern >> 24)]
    }
    let values = try floats("BF16", bytes, count: originals.count)
    for (value, original) in zip(values, originals) {
      #expect(value.bitPattern == original.bitPattern & 0xFFFF_0000)
    }
  }

  /// Larger than one piece of reading, and from the disk.
  @Test("a file on disk gives the values that were written, whatever the order of asking")
  func disk() throws {
    var stream = RandomStream(seed: 3, purpose: .test)
    let sizes = [70_000, 1, 0, 131_073]
    let written = try Safetensors(
      tensors: sizes.enumerated().map { index, count in
        Safetensors.Tensor(
          name: "t\(index)", shape: [count],
          values: .float32((0..<count).map { _ in Float(stream.nextGaussian()) }))
      })
    try withFolder { folder in
      let place = folder.appendingPathComponent("m.safetensors")
      try written.data().write(to: place)
      let file = try SafetensorsFile(file: place)
      for tensor in written.tensors.reversed() {
        let entry = try #require(file[tensor.name])
        var values = [Float](repeating: 0, count: entry.count)
        try file.readFloats(of: entry, into: &values, at: 0)
        #expect(tensor.values == .float32(values))
      }
      #expect(file["t4"] == nil)
    }
  }

  @Test(
    "numbers that are not finite are refused with their place", arguments: ["F32", "F16", "BF16"])
  func notFinite(_ type: String) {
    let (one, nan): ([UInt8], [UInt8]) =
      switch type {
      case "F32": ([0, 0, 0x80, 0x3F], [0, 0, 0xC0, 0x7F])
      case "F16": ([0, 0x3C], [0, 0x7E])
      default: ([0x80, 0x3F], [0xC0, 0x7F])
      }
    let error = #expect(throws: SafetensorsError.self) {
      try floats(type, one + one + nan + one, count: 4)
    }
    #expect(told(error).contains("value 2 is nan"), "\(told(error))")
  }

  @Test("integers are no weights")
  func integers() {
    let error = #expect(throws: SafetensorsError.self) {
      try floats("I32", [1, 0, 0, 0], count: 1)
    }
    #expect(told(error).contains("I32"))
  }

  @Test("a claim of ten gigabytes is refused before memory is set aside for it")
  func claim() throws {
    let header = #"{"w":{"dtype":"F32","shape":[2500000000],"data_offsets":[0,10000000000]}}"#
    let error = #expect(throws: SafetensorsError.self) {
      try SafetensorsFile(bytes: file(header, body: [0, 0, 0, 0]))
    }
    #expect(told(error).contains("outside the 4 bytes"))
  }

  @Test("what is no file, and a file that was shortened while it was open, end in a sentence")
  func unreadable() throws {
    try withFolder { folder in
      for place in [folder, folder.appendingPathComponent("none")] {
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(file: place) }
        #expect(told(error).contains("cannot be read"))
      }
      let place = folder.appendingPathComponent("m.safetensors")
      let data = try Safetensors(
        tensors: [.init(name: "w", shape: [4], values: .float32([1, 2, 3, 4]))]
      ).data()
      try data.write(to: place)
      let file = try SafetensorsFile(file: place)
      let handle = try FileHandle(forWritingTo: place)
      try handle.truncate(atOffset: UInt64(data.count - 4))
      let entry = try #require(file["w"])
      var values = [Float](repeating: 0, count: 4)
      let error = #expect(throws: SafetensorsError.self) {
        try file.readFloats(of: entry, into: &values, at: 0)
      }
      #expect(told(error).contains("fewer than it needs"))
    }
  }
}
