package stage

import "syscall"

// A modeArgument says where a system call is told the mode of a file.
type modeArgument struct {
	call     uint32
	argument uint32
	flags    bool // the argument before it are flags, which say whether there is a mode
}

const (
	sysFchmodat2 = 452 // on all architectures
	sizeOfArg    = 8
	makesFile    = syscall.O_CREAT | 0x400000 // O_TMPFILE
)

// modes refuses the bit by which a file runs as its owner: to the host the files
// of a command belong to the server, and such a program would be a way to become
// the server for whoever gets to it.
func (f *filter) modes() {
	for _, m := range modeArguments {
		mode := offArg0 + m.argument*sizeOfArg
		if m.flags {
			f.skipUnless(m.call, 6)
			f.load(mode - sizeOfArg)
			f.jump(jumpAny, makesFile, 0, 3)
		} else {
			f.skipUnless(m.call, 4)
		}
		f.load(mode)
		f.whenAny(syscall.S_ISUID, f.ret(errnoRet|uint32(syscall.EPERM)))
		f.load(offNumber)
	}
}
