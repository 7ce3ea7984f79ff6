package sandbox

import (
	"os"
	"os/exec"
	"testing"
)

func BenchmarkStageStart(b *testing.B) {
	for b.Loop() {
		_, theirs, _ := socketPair()
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{"AUTONOMA_SANDBOX_STAGE=reap", "GOMAXPROCS=1", "GOGC=off"}
		cmd.ExtraFiles = []*os.File{theirs}
		cmd.Run()
		theirs.Close()
	}
}
