// Package workspace keeps the repositories of runs and the files agents work
// on.
//
// A [Store] holds, below one directory, a bare cache for each source, a bare
// repository for each run, and the run's workspaces: plain directories without
// any git data in them. A [Workspace] is read and written through a root no
// path can leave, and is stored as a whole by [Workspace.Checkpoint].
//
// The one idea: no git program of ours ever looks at a directory, a
// configuration or a hook that an agent or a stranger can write. Checkpoints
// are made by reading the files ourselves, without following links, and by
// writing the objects ourselves. A source repository is read through a view
// that shows its objects and references but not its configuration, and a
// result is handed over by adding a pack and one reference. What a hostile
// repository configures is therefore not neutralised key by key: it is never
// read. Git itself is asked where it knows best: fetching, checking out into a
// directory nobody else has seen, comparing, packing.
//
// This package does not run the commands of agents; their confinement is a
// matter of its own. It decides nothing about runs, and knows of them only
// their names. It contacts the network only to fetch from, and if allowed push
// to, a source that is a URL.
//
// # On disk
//
//	home/                        the empty home of the git programs we start
//	sources/<key>.git            a bare cache for each source; never pruned
//	runs/<run>/base.json         what Prepare answered; written last
//	runs/<run>/repo.git          the run's own bare repository; borrows the objects of its cache
//	runs/<run>/trees/<name>/     a workspace:
//	  files/                     what the agent sees and writes
//	  git/                       a git directory for the agent's own use; never read by us
//	  ready                      the checkout was complete
//
// Everything a process may die in the middle of is either repeated from the
// start or named by a file that is written last, by rename.
package workspace
