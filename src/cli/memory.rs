//! What becomes of memory that tensors leave behind.

/// Keeps freed memory for the next tensors. The C library would give each large one back to the kernel, which clears and maps the same
/// pages again a moment later: a tenth of a training step on a processor.
///
/// To be called before other threads begin. It does something with glibc alone.
pub fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two numbers of the allocator, which takes its own lock.
    unsafe {
        // No block is mapped by itself, and the heap is never cut short.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
    }
}
