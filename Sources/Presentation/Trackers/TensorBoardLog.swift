// Scalars as event files of TensorBoard: TFRecord frames around two small protocol-buffer messages.
//
// Fields of tensorflow/core/util/event.proto (wall_time 1, step 2, file_version 3, summary 5) and summary.proto (value 1:
// tag 1, simple_value 2); frames as in tensorflow/core/lib/io/record_writer. A generated reader of these two files would be
// longer than the messages.

public import Federation
public import Foundation
public import Store

/// Appends a run's scalars to an event file.
public final class TensorBoardLog: Sendable {
  public let file: URL
  private let clusters: [String]

  /// Begins an event file in `folder/runID`.
  ///
  /// - Throws: `StoreError.cannotWrite`.
  public init(folder: URL, runID: String, clusters: [String], now: Date = Date()) throws(StoreError)
  {
    self.clusters = clusters
    let run = folder.appendingPathComponent(runID, isDirectory: true)
    // A resumed run goes on in a file of its own; TensorBoard reads all files of a folder.
    file = run.appendingPathComponent(
      "events.out.tfevents.\(Int64(now.timeIntervalSince1970 * 1000)).dpflsim")
    do {
      try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    } catch {
      throw .cannotWrite(path: run.path, reason: StoreError.reason(of: error))
    }
    try AtomicFile.write(
      Self.record(event(at: now, step: 0) { $0.add(3, Array("brain.Event:2".utf8)) }), to: file)
  }

  /// Adds the scalars of a finished round; other events leave nothing.
  ///
  /// - Throws: `StoreError.cannotWrite`.
  public func receive(_ event: RunEvent) throws(StoreError) {
    guard case .finishedRound(let report) = event else { return }
    try add(TrackedFigures.scalars(of: report, clusters: clusters, at: Date()))
  }

  /// - Throws: `StoreError.cannotWrite`.
  func add(_ scalars: [TrackedScalar]) throws(StoreError) {
    var data = Data()
    for scalar in scalars {
      var value = ProtocolBuffer()
      value.add(1, Array(scalar.name.utf8))
      value.add(2, Float(scalar.value))
      var summary = ProtocolBuffer()
      summary.add(1, value.bytes)
      data += Self.record(event(at: scalar.time, step: scalar.step) { $0.add(5, summary.bytes) })
    }
    do {
      let handle = try FileHandle(forWritingTo: file)
      defer { try? handle.close() }
      try handle.seekToEnd()
      try handle.write(contentsOf: data)
    } catch {
      throw .cannotWrite(path: file.path, reason: StoreError.reason(of: error))
    }
  }

  private func event(
    at time: Date, step: Int, _ body: (inout ProtocolBuffer) -> Void
  ) -> [UInt8] {
    var event = ProtocolBuffer()
    event.add(1, time.timeIntervalSince1970)
    event.add(2, UInt64(step))
    body(&event)
    return event.bytes
  }

  /// Length, its checksum, the bytes, their checksum.
  package static func record(_ bytes: [UInt8]) -> Data {
    let length = littleEndian(UInt64(bytes.count))
    return Data(
      length + littleEndian(maskedChecksum(length)) + bytes + littleEndian(maskedChecksum(bytes)))
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private static func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
    let checksum = Self.checksum(bytes)
    return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
  }

  /// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), bit by bit: event files are small.
  package static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var remainder = ~UInt32(0)
    for byte in bytes {
      remainder ^= UInt32(byte)
      for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    return ~remainder
  }
}

/// The wire format of protocol buffers, as far as events need it.
private struct ProtocolBuffer {
  private(set) var bytes: [UInt8] = []

  private mutating func add(variable value: UInt64) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func add(_ field: UInt64, _ value: UInt64) {
    add(variable: field << 3)
    add(variable: value)
  }

  mutating func add(_ field: UInt64, _ value: Double) {
    add(variable: field << 3 | 1)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }

  mutating func add(_ field: UInt64, _ value: Float) {
    add(variable: field << 3 | 5)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }

  /// Text, or a message.
  mutating func add(_ field: UInt64, _ value: [UInt8]) {
    add(variable: field << 3 | 2)
    add(variable: UInt64(value.count))
    bytes += value
  }
}
