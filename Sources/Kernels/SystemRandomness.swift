// Random bits from the operating system, fetched in blocks: nobody can draw them again.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The operating system's generator for cryptography, as many words at a time as one system call gives; a
/// call for every draw would cost more than the noise made of it.
public struct SystemRandomness: RandomNumberGenerator, Sendable {
  /// `getentropy` hands out 256 bytes at most.
  private static let words = 32
  private var buffer = [UInt64](repeating: 0, count: SystemRandomness.words)
  private var used = SystemRandomness.words

  public init() {}

  public mutating func next() -> UInt64 {
    if used == Self.words { refill() }
    defer {
      // What was handed out is not kept.
      buffer[used] = 0
      used += 1
    }
    return buffer[used]
  }

  private mutating func refill() {
    used = 0
    #if canImport(Glibc) || canImport(Musl)
      let isFilled = buffer.withUnsafeMutableBytes { bytes in
        bytes.baseAddress.map { getentropy($0, bytes.count) == 0 } ?? false
      }
      if isFilled { return }
    #endif
    // Where the call is missing or refused, the standard library's own way, word by word.
    var generator = SystemRandomNumberGenerator()
    for word in buffer.indices { buffer[word] = generator.next() }
  }
}

/// A reproducible stream, or the operating system's randomness in its place.
public struct NoiseStream: RandomNumberGenerator, Sendable {
  private var seeded: RandomStream
  private var system: SystemRandomness?

  /// - Parameter usesSystem: whether `seeded` is not used at all.
  public init(_ seeded: RandomStream, usesSystem: Bool) {
    self.seeded = seeded
    system = usesSystem ? SystemRandomness() : nil
  }

  public mutating func next() -> UInt64 {
    if let word = system?.next() { return word }
    return seeded.next()
  }
}
