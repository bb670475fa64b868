// What the training loop allocates: nothing for an example or a tile, and little for a step.

import Foundation
import Testing

/// Whether a compiler can be had that makes the counter of allocations.
private let compiler = ["/usr/bin/clang", "/opt/swift/usr/bin/clang", "/usr/bin/cc"].first {
  FileManager.default.isExecutableFile(atPath: $0)
}

@Suite(
  "Allocations", .disabled(if: compiler == nil, "no C compiler"),
  .disabled(if: Program.sanitizer != nil, "a sanitizer has an allocator of its own"))
struct AllocationTests {
  /// Stands before the C library's allocator and writes at the end how often it was called.
  private static let counter = """
    #include <stddef.h>
    #include <stdio.h>
    #include <stdlib.h>
    extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
    extern void *__libc_memalign(size_t, size_t);
    static unsigned long calls;
    static void count(void) { __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED); }
    void *malloc(size_t size) { count(); return __libc_malloc(size); }
    void *calloc(size_t number, size_t size) { count(); return __libc_calloc(number, size); }
    void *realloc(void *old, size_t size) { count(); return __libc_realloc(old, size); }
    void *aligned_alloc(size_t alignment, size_t size) { count(); return __libc_memalign(alignment, size); }
    int posix_memalign(void **place, size_t alignment, size_t size) {
      count();
      *place = __libc_memalign(alignment, size);
      return *place ? 0 : 12;
    }
    __attribute__((destructor)) static void end(void) {
      FILE *file = fopen("allocations", "w");
      if (!file) return;
      fprintf(file, "%lu", calls);
      fclose(file);
    }
    """

  @Test("tenfold batches take no allocation more", arguments: ["logistic", "mlp"])
  func batches(model: String) async throws {
    let compiler = try #require(compiler)
    try await Program.inFolder { program in
      _ = try program.write(Self.counter, to: "counter.c")
      let build = try program.start(
        ["-O1", "-shared", "-fPIC", "-o", "counter.so", "counter.c"], executable: compiler)
      #expect(try program.outcome(of: build).status == 0)
      func allocations(batch: Int) throws -> Int {
        let run = try program.call(
          [
            "run", Program.shipped("tiny.json"), "--set", "local.epochs=null", "--set",
            "local.steps=20", "--set", "local.batch_size=\(batch)", "--set", "model.name=\(model)",
            "--set", #"method={"name":"global"}"#, "--set", "rounds=4", "--set",
            "evaluation.every=4", "--set", "privacy.accountant=rdp", "--workers", "1", "--quiet",
            "--store", "\(batch).sqlite",
          ],
          environment: [
            "LD_PRELOAD": program.folder.appendingPathComponent("counter.so").path
          ])
        #expect(run.status == 0, "\(run.errors)")
        let text = try String(
          contentsOf: program.folder.appendingPathComponent("allocations"), encoding: .utf8)
        return try #require(Int(text))
      }
      // Four rounds of twenty steps of eight clients: 640 steps, and 180 examples more in each.
      let (few, many) = (try allocations(batch: 20), try allocations(batch: 200))
      let tiles = 640 * 180 / 16
      #expect(abs(many - few) < tiles / 5, "\(few) and \(many) allocations")
    }
  }
}
