package project

import "strings"

// reachesOut returns the first word of a shell text that needs the network,
// other machines, containers or the rights of root, none of which a sandboxed
// command has; "" if there is none.
func reachesOut(script string) string {
	words := strings.FieldsFunc(script, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()`\"'$={}@", r) })
	for i, w := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch w {
		case "docker", "docker-compose", "podman", "nerdctl", "kubectl", "helm", "minikube", "vagrant", "ssh", "scp", "rsync",
			"sudo", "curl", "wget", "apt", "apt-get", "brew", "yum", "dnf", "apk", "terraform", "aws", "gcloud", "az":
			return w
		case "pip", "pip3", "npm", "pnpm", "yarn", "bun", "poetry", "pipenv", "gem", "bundle", "composer", "cargo", "go":
			if next == "install" || next == "ci" && w != "go" || next == "get" && w == "go" {
				return w + " " + next
			}
		case "npx", "uvx", "pipx":
			if next == "-y" || next == "--yes" || next == "run" && w == "pipx" {
				return w
			}
		case "git":
			switch next {
			case "clone", "fetch", "pull", "push", "submodule":
				return w + " " + next
			}
		}
	}
	return ""
}
