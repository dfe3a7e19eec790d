//! How the allocator treats an agent's memory: what a burst took is given back after it.
//!
//! glibc takes a large block from the kernel and returns it, but learns from the first one that it
//! returns: blocks of that size come from the heap from then on, and a heap shrinks only from its
//! end. One small value above such a block keeps all of it. Agents ask for few large blocks, each for
//! a moment (a password check takes 19 MiB), and then hold thousands of small ones for hours; so
//! nothing is learnt here. Nor does each thread get a heap of its own: threads are many where each
//! open index has one, and every heap has its own holes.

/// Blocks from this size on are the kernel's, in bytes; well above the buffers of a conversation.
const OWN_MAPPING_FROM: i32 = 512 * 1024;
/// More than this at the end of a heap is given back, in bytes.
const KEPT_AT_END: i32 = 1024 * 1024;
/// Heaps of a process: a few threads allocate at once.
const HEAPS_MAX: i32 = 4;

/// Tells the allocator so, once, before there is anything to speak of. Others than glibc's know best.
pub(crate) fn settle_allocator() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [
        (libc::M_MMAP_THRESHOLD, OWN_MAPPING_FROM),
        (libc::M_TRIM_THRESHOLD, KEPT_AT_END),
        (libc::M_ARENA_MAX, HEAPS_MAX),
    ] {
        #[expect(unsafe_code, reason = "there is no safe way to say this to glibc")]
        // SAFETY: mallopt(3) takes two numbers, from any thread and at any time.
        let taken = unsafe { libc::mallopt(parameter, value) };
        // Without it more memory is held than need be.
        debug_assert_eq!(taken, 1, "mallopt {parameter}");
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// What a password check takes.
    const LARGE: usize = 19 << 20;

    fn resident_kib() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
    }

    /// As many small values as one likes may lie between large ones.
    #[test]
    fn large_blocks_are_given_back() {
        settle_allocator();
        let before = resident_kib();
        let mut small = Vec::new();
        for _ in 0..6 {
            let mut large = vec![1_u8; LARGE];
            small.push(vec![1_u8; 1000]);
            large.fill(2);
            drop(std::hint::black_box(large));
        }
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < LARGE / 1024 / 2, "{grown} KiB for {} values", small.len());
    }
}
