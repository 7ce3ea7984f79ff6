package stage

const (
	arch = 0xc000003e // AUDIT_ARCH_X86_64
	x32  = 0x40000000 // __X32_SYSCALL_BIT: the same calls by other numbers

	sysSeccomp = 317
	sysClone   = 56
	sysSocket  = 41
	sysIoctl   = 16

	sysSendmmsg       = 307
	sysTgsigqueueinfo = 297
	sysSchedSetattr   = 314
)

// Forbidden calls.
var forbidden = [...]uint32{
	101, 310, 311, 312, 438, 440, // ptrace, process_vm_readv, process_vm_writev, kcmp, pidfd_getfd, process_madvise
	248, 249, 250, // add_key, request_key, keyctl
	321, 298, 323, 300, // bpf, perf_event_open, userfaultfd, fanotify_init
	165, 166, 155, 161, // mount, umount2, pivot_root, chroot
	428, 429, 430, 431, 432, 433, 442, 467, // open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, open_tree_attr
	272, 308, // unshare, setns
	303, 304, // name_to_handle_at, open_by_handle_at
	246, 320, 174, 175, 313, 176, // kexec_load, kexec_file_load, create_module, init_module, finit_module, delete_module
	169, 167, 168, 163, 179, 443, 103, // reboot, swapon, swapoff, acct, quotactl, quotactl_fd, syslog
	172, 173, 154, 156, 134, 180, 212, // iopl, ioperm, modify_ldt, _sysctl, uselib, nfsservctl, lookup_dcookie
	164, 159, 227, 305, 170, 171, // settimeofday, adjtimex, clock_settime, clock_adjtime, sethostname, setdomainname
	278, 279, 256, // vmsplice, move_pages, migrate_pages
}

// Calls that set the mode of a file, and which argument it is.
var modeArguments = [...]modeArgument{
	{90, 1, false}, {91, 1, false}, {268, 2, false}, {sysFchmodat2, 2, false}, // chmod, fchmod, fchmodat
	{85, 1, false}, {133, 1, false}, {259, 2, false}, // creat, mknod, mknodat
	{2, 2, true}, {257, 3, true}, // open, openat
}
