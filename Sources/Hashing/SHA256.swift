// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto, with the processor's own instructions where it has them.

import COpenSSL
package import Foundation

/// A hash of bytes that come piece by piece. A copy goes its own way.
package struct SHA256: Sendable {
  /// Of a digest.
  package static let byteCount = 32

  private var context = Context()

  package init() {}

  package mutating func update(bufferPointer bytes: UnsafeRawBufferPointer) {
    if !isKnownUniquelyReferenced(&context) { context = Context(copying: context) }
    context.update(bytes)
  }

  package mutating func update(data: some ContiguousBytes) {
    data.withUnsafeBytes { update(bufferPointer: $0) }
  }

  /// The digest of all bytes so far; more may follow.
  package func finalize() -> Digest { Context(copying: context).finish() }

  package static func hash(data: some ContiguousBytes) -> Digest {
    var hash = SHA256()
    hash.update(data: data)
    return hash.finalize()
  }

  /// 32 bytes.
  package struct Digest: Hashable, Sendable, Sequence {
    fileprivate let bytes: [UInt8]

    package func makeIterator() -> IndexingIterator<[UInt8]> { bytes.makeIterator() }

    /// 64 lower-case digits.
    package var hexadecimal: String {
      bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
  }
}

/// OpenSSL's state of a hash. The library's calls fail only where there is no memory left, as every allocation may, or
/// where an algorithm is missing, and SHA-256 is in all of its providers.
///
/// Unchecked: changed by the `SHA256` that alone refers to it.
private final class Context: @unchecked Sendable {
  private let pointer: OpaquePointer

  init() {
    pointer = Context.allocated()
    precondition(EVP_DigestInit_ex(pointer, EVP_sha256(), nil) == 1, "OpenSSL has no SHA-256.")
  }

  init(copying other: Context) {
    pointer = Context.allocated()
    precondition(EVP_MD_CTX_copy_ex(pointer, other.pointer) == 1, "OpenSSL has no memory.")
  }

  deinit { EVP_MD_CTX_free(pointer) }

  private static func allocated() -> OpaquePointer {
    guard let pointer = EVP_MD_CTX_new() else { preconditionFailure("OpenSSL has no memory.") }
    return pointer
  }

  func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
    precondition(EVP_DigestUpdate(pointer, start, bytes.count) == 1, "OpenSSL has no SHA-256.")
  }

  /// Ends the hash: nothing may follow.
  func finish() -> SHA256.Digest {
    var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
    precondition(EVP_DigestFinal_ex(pointer, &digest, nil) == 1, "OpenSSL has no SHA-256.")
    return SHA256.Digest(bytes: digest)
  }
}
