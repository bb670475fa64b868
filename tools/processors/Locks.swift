// A stand-in for Synchronization's lock, which needs an operating system; the probe has one thread.

final class Mutex<Value>: @unchecked Sendable {
  private var value: Value

  init(_ value: sending Value) { self.value = value }

  func withLock<Result>(_ body: (inout Value) -> Result) -> Result { body(&value) }
}
