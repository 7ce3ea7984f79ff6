package stage

const (
	arch = 0xc00000b7 // AUDIT_ARCH_AARCH64
	x32  = 0          // not on this machine

	sysSeccomp = 277
	sysClone   = 220
	sysSocket  = 198
	sysIoctl   = 29

	sysSendmmsg       = 269
	sysTgsigqueueinfo = 240
	sysSchedSetattr   = 274
)

// Forbidden calls.
var forbidden = [...]uint32{
	117, 270, 271, 272, 438, 440, // ptrace, process_vm_readv, process_vm_writev, kcmp, pidfd_getfd, process_madvise
	217, 218, 219, // add_key, request_key, keyctl
	280, 241, 282, 262, // bpf, perf_event_open, userfaultfd, fanotify_init
	40, 39, 41, 51, // mount, umount2, pivot_root, chroot
	428, 429, 430, 431, 432, 433, 442, 467, // open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, open_tree_attr
	97, 268, // unshare, setns
	264, 265, // name_to_handle_at, open_by_handle_at
	104, 294, 105, 273, 106, // kexec_load, kexec_file_load, init_module, finit_module, delete_module
	142, 224, 225, 89, 60, 443, 116, // reboot, swapon, swapoff, acct, quotactl, quotactl_fd, syslog
	42, 18, // nfsservctl, lookup_dcookie
	170, 171, 112, 266, 161, 162, // settimeofday, adjtimex, clock_settime, clock_adjtime, sethostname, setdomainname
	75, 239, 238, // vmsplice, move_pages, migrate_pages
}

// Calls that set the mode of a file, and which argument it is.
var modeArguments = [...]modeArgument{
	{52, 1, false}, {53, 2, false}, {sysFchmodat2, 2, false}, // fchmod, fchmodat
	{33, 2, false}, {56, 3, true}, // mknodat, openat
}
