// Memory that a worker lane owns: allocated once, aligned for vectors, used by every client in turn.

/// A fixed block of floats, zeroed, aligned to 64 bytes and followed by 128 bytes that may be read.
///
/// A reference type on purpose: layers of one network share buffers (one layer's output is the next
/// one's input). It is not `Sendable`; it belongs to one lane. Ranges are checked by every method.
public final class FloatBuffer {
  package let base: UnsafeMutablePointer<Float>
  public let count: Int

  /// - Parameter count: number of floats, at least 0.
  public init(count: Int) {
    precondition(count >= 0, "a buffer cannot have a negative size")
    self.count = count
    let bytes = count * MemoryLayout<Float>.stride + 128
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    base = raw.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  public subscript(index: Int) -> Float {
    get {
      precondition(index >= 0 && index < count, "index outside the buffer")
      return base[index]
    }
    set {
      precondition(index >= 0 && index < count, "index outside the buffer")
      base[index] = newValue
    }
  }

  /// Copies `values` to the buffer, starting at `offset`.
  public func write(_ values: [Float], at offset: Int = 0) {
    check(offset, values.count)
    values.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      (base + offset).update(from: start, count: source.count)
    }
  }

  /// Copies a part of an array to the buffer, starting at `offset`.
  public func write(_ values: [Float], in range: Range<Int>, at offset: Int = 0) {
    check(offset, range.count)
    checkRange(range.lowerBound, range.count, in: values.count)
    values.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      (base + offset).update(from: start + range.lowerBound, count: range.count)
    }
  }

  /// Copies a part of another buffer into this one. The buffers must differ.
  public func copy(_ count: Int, from source: FloatBuffer, at sourceOffset: Int, to offset: Int) {
    check(offset, count)
    source.check(sourceOffset, count)
    precondition(source !== self, "copying needs two buffers")
    (base + offset).update(from: source.base + sourceOffset, count: count)
  }

  /// The floats of a part of the buffer, as an array.
  public func array(at offset: Int = 0, count length: Int? = nil) -> [Float] {
    let length = length ?? count - offset
    check(offset, length)
    return Array(UnsafeBufferPointer(start: base + offset, count: length))
  }

  /// Sets a part of the buffer (by default all of it) to zero.
  public func clear(at offset: Int = 0, count length: Int? = nil) {
    let length = length ?? count - offset
    check(offset, length)
    (base + offset).update(repeating: 0, count: length)
  }

  /// Lets `body` write a part of the buffer through a bounds-checked span.
  public func withMutableSpan<Failure: Error>(
    at offset: Int, count length: Int,
    _ body: (inout MutableSpan<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    check(offset, length)
    var span = UnsafeMutableBufferPointer(start: base + offset, count: length).mutableSpan
    try body(&span)
  }

  /// All floats as bytes, in this machine's order.
  public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    body(RawSpan(_unsafeStart: base, byteCount: count * MemoryLayout<Float>.stride))
  }

  /// Writes the whole buffer.
  ///
  /// - Parameter bytes: `count` floats in this machine's order.
  public func write(bytes: RawSpan) {
    precondition(bytes.byteCount == count * MemoryLayout<Float>.stride, "bytes of another buffer")
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(start: base, count: $0.count).copyMemory(from: $0)
    }
  }

  package func check(_ offset: Int, _ length: Int) {
    checkRange(offset, length, in: count)
  }
}

/// A fixed block of 32-bit indices, zeroed; the integer twin of `FloatBuffer`.
public final class IndexBuffer {
  package let base: UnsafeMutablePointer<Int32>
  public let count: Int

  public init(count: Int) {
    precondition(count >= 0, "a buffer cannot have a negative size")
    self.count = count
    base = .allocate(capacity: count + 16)
    base.initialize(repeating: 0, count: count + 16)
  }

  deinit { base.deallocate() }

  /// Lets `body` write a part of the buffer through a bounds-checked span.
  public func withMutableSpan<Failure: Error>(
    at offset: Int, count length: Int,
    _ body: (inout MutableSpan<Int32>) throws(Failure) -> Void
  ) throws(Failure) {
    check(offset, length)
    var span = UnsafeMutableBufferPointer(start: base + offset, count: length).mutableSpan
    try body(&span)
  }

  package func check(_ offset: Int, _ length: Int) {
    checkRange(offset, length, in: count)
  }
}

/// A buffer that nobody changes any more, and that every lane may therefore read.
///
/// `@unchecked` because buffers are not `Sendable`; sound because the caller makes the buffer for this
/// and hands it over, it is filled once by the closure, and only read afterwards.
public final class Constant<Buffer: AnyObject>: @unchecked Sendable {
  package let buffer: Buffer

  /// - Parameters:
  ///   - buffer: a new buffer that nothing else refers to.
  ///   - fill: writes the buffer; must not keep it.
  package init(_ buffer: Buffer, fill: (Buffer) -> Void) {
    self.buffer = buffer
    fill(buffer)
  }
}

/// Every range that a kernel is given passes here before a pointer is formed.
func checkRange(_ offset: Int, _ length: Int, in count: Int) {
  precondition(
    offset >= 0 && length >= 0 && offset <= count - length, "range outside the buffer")
}
