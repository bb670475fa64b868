// libFuzzer's hook for changing inputs: JSON as trees half of the time, everything else as bytes.

import CLibFuzzer
import Foundation
import Scenarios
import Synchronization

/// - Parameters:
///   - bytes: the input, with room for `most`.
///   - seed: the same input and seed give the same change.
/// - Returns: how many bytes there are now.
@c(LLVMFuzzerCustomMutator)
public func mutate(
  _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int, _ seed: UInt32
) -> Int {
  let form = chosen.withLock { $0?.form } ?? .bytes
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  guard seed % 4 != 0, let changed = edited(input, form, seed: seed), changed.count <= most else {
    return LLVMFuzzerMutate(bytes, count, most)
  }
  for (index, byte) in changed.enumerated() { bytes[index] = byte }
  return changed.count
}

/// Nil where the input is not what trees can be made of.
private func edited(_ input: [UInt8], _ form: FuzzTarget.Form, seed: UInt32) -> [UInt8]? {
  var editor = JSONEditor(seed: seed, changeText: changedText)
  switch form {
  case .bytes: return nil
  case .json:
    guard let document = try? JSONValue(parsing: Data(input)) else { return nil }
    return Array(editor.edited(document).text.utf8)
  case .safetensors:
    guard let file = HeaderedFile(input), let header = try? JSONValue(parsing: Data(file.header))
    else { return nil }
    return HeaderedFile(header: Array(editor.edited(header).text.utf8), body: file.body).bytes
  }
}

private func changedText(_ text: String) -> String {
  var bytes = Array(text.utf8.prefix(4096))
  let count = bytes.count
  bytes += [UInt8](repeating: 0, count: 64)
  let changed = bytes.withUnsafeMutableBufferPointer {
    $0.baseAddress.map { LLVMFuzzerMutate($0, count, count + 64) } ?? 0
  }
  return String(decoding: bytes[..<changed], as: UTF8.self)
}

/// A safetensors file in its two parts.
struct HeaderedFile {
  let header: [UInt8]
  let body: [UInt8]

  init(header: [UInt8], body: [UInt8]) {
    self.header = header
    self.body = body
  }

  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 8 else { return nil }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(bytes.count - 8) else { return nil }
    header = Array(bytes[8..<8 + Int(length)])
    body = Array(bytes[(8 + Int(length))...])
  }

  var bytes: [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + body
  }
}
