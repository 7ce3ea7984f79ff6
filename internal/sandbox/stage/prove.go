package stage

import (
	"errors"
	"syscall"
	"unsafe"
)

// What a prover is told, by environment variables, about the host it must not
// reach.
const (
	ProveSecret   = "AUTONOMA_PROVE_SECRET"   // path of a file that exists on the host
	ProvePort     = "AUTONOMA_PROVE_PORT"     // a TCP port of the host's loopback that listens
	ProveAbstract = "AUTONOMA_PROVE_ABSTRACT" // name of an abstract socket of the host that listens
	ProvePIDs     = "AUTONOMA_PROVE_PIDS"     // the host's process namespace, as /proc/self/ns/pid reads
	ProveServer   = "AUTONOMA_PROVE_SERVER"   // number of a process in it
)

// ProofFile is the file that a prover makes in its working directory.
const ProofFile = "proof"

// prove tries what a command must not be able to do, and the one thing it
// must. It writes a line for each claim: its name, "yes" or "no", and what
// happened, with tabs between.
func prove() {
	get := func(key string) string { v, _ := syscall.Getenv(key); return v }
	refused("host files are hidden", tryOpen(get(ProveSecret), syscall.O_RDONLY))
	refused("host loopback is out of reach", tryTCP(number(get(ProvePort))))
	refused("host sockets are out of reach", tryAbstract(get(ProveAbstract)))
	hiddenProcesses(get(ProvePIDs))
	outOfReach(get(ProveServer), get(ProvePIDs))
	refused("system is read-only", tryOpen("/usr/.autonoma-proof", syscall.O_CREAT|syscall.O_WRONLY))
	refused("root is read-only", tryOpen("/.autonoma-proof", syscall.O_CREAT|syscall.O_WRONLY))
	err := tryOpen(ProofFile, syscall.O_CREAT|syscall.O_WRONLY)
	claim("workspace is writable", err == nil, outcome(err))
	const newUser = 0x10000000
	_, err = raw(syscall.SYS_UNSHARE, newUser)
	refused("no new namespaces", err)
	noPrivileges()
	const listKeys = 0
	_, err = raw(syscall.SYS_KEYCTL, listKeys, 0)
	claim("system calls are filtered", errors.Is(err, syscall.EPERM), outcome(err))
	exit(0)
}

func claim(name string, ok bool, detail string) {
	answer := "\tno\t"
	if ok {
		answer = "\tyes\t"
	}
	_, _ = syscall.Write(1, []byte(name+answer+detail+"\n"))
}

// refused claims that what was tried has failed.
func refused(name string, err error) { claim(name, err != nil, outcome(err)) }

func outcome(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

func tryOpen(path string, flags int) error {
	fd, err := syscall.Open(path, flags|syscall.O_CLOEXEC, 0o600)
	if err == nil {
		syscall.Close(fd)
	}
	return err
}

func tryTCP(port int) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

func tryAbstract(name string) error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return syscall.Connect(fd, &syscall.SockaddrUnix{Name: "@" + name})
}

// hiddenProcesses claims that the process namespace is not the host's and that
// /proc shows no more than the stages and this process.
func hiddenProcesses(host string) {
	var buf [64]byte
	n, err := syscall.Readlink("/proc/self/ns/pid", buf[:])
	seen := 0
	own := err == nil && string(buf[:n]) != host
	each("/proc", func(name string) {
		if number(name) > 0 {
			seen++
		}
	})
	claim("host processes are hidden", own && seen > 0 && seen <= 3, decimal(uint64(seen))+" processes in sight")
}

// outOfReach claims that the server gets no signal. In another process namespace
// its number is nobody's, or somebody else's.
func outOfReach(server, host string) {
	var buf [64]byte
	n, err := syscall.Readlink("/proc/self/ns/pid", buf[:])
	if err == nil && string(buf[:n]) != host {
		claim("host processes are out of reach", true, "their numbers mean nothing here")
		return
	}
	refused("host processes are out of reach", syscall.Kill(number(server), 0))
}

// noPrivileges claims that there are no capabilities and that none can be got.
func noPrivileges() {
	header := struct {
		version uint32
		pid     int32
	}{version: 0x20080522}
	var caps [6]uint32
	_, _, e := syscall.RawSyscall(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&caps)), 0)
	const getNoNewPrivs = 39
	set, err := raw(syscall.SYS_PRCTL, getNoNewPrivs, 0, 0, 0, 0)
	claim("no privileges", e == 0 && caps == [6]uint32{} && err == nil && set == 1, "no capabilities, no_new_privs")
}
