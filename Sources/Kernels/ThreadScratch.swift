// Memory that a thread keeps for its products, so that none of them asks the allocator.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

enum ThreadScratch {
  /// Before the memory that is handed out: its size.
  private static let header = 64

  /// Nil where the system has no key left: every call then has memory of its own.
  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    return pthread_key_create(&key, { free($0) }) == 0 ? key : nil
  }()

  /// Runs `body` on memory of the calling thread, 64-aligned and of any content.
  ///
  /// - Precondition: `body` asks for none itself, and does not wait.
  @inline(__always)
  static func with(bytes: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
    guard let key else {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: header)
      defer { memory.deallocate() }
      return body(memory)
    }
    if let known = pthread_getspecific(key), known.load(as: Int.self) >= bytes {
      return body(known + header)
    }
    body(grown(to: bytes, key: key))
  }

  @inline(never)
  private static func grown(to bytes: Int, key: pthread_key_t) -> UnsafeMutableRawPointer {
    let made = UnsafeMutableRawPointer.allocate(byteCount: header + bytes, alignment: header)
    made.storeBytes(of: bytes, as: Int.self)
    free(pthread_getspecific(key))
    pthread_setspecific(key, made)
    return made + header
  }
}
