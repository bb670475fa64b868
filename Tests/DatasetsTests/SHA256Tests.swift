// SHA-256 against the examples of FIPS 180-4, whole and in pieces.

import Foundation
import Hashing
import Testing

@Suite struct SHA256Tests {
  private let cases = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ]

  @Test func published() {
    for (text, digest) in cases {
      let bytes = Data(text.utf8)
      #expect(SHA256.hash(data: bytes).hexadecimal == digest)
      var pieces = SHA256()
      var rest = bytes[...]
      var length = 0
      while !rest.isEmpty {
        pieces.update(data: rest.prefix(length))
        rest = rest.dropFirst(length)
        length = length * 2 + 1
      }
      #expect(pieces.finalize().hexadecimal == digest)
    }
  }

  @Test("a copy goes its own way, and a digest in between ends nothing")
  func copies() {
    var first = SHA256()
    first.update(data: Data("a".utf8))
    var second = first
    second.update(data: Data("x".utf8))
    _ = first.finalize()
    first.update(data: Data("bc".utf8))
    #expect(first.finalize().hexadecimal == cases[1].1)
    #expect(second.finalize() == SHA256.hash(data: Data("ax".utf8)))
    #expect(Array(first.finalize()).count == SHA256.byteCount)
  }
}
