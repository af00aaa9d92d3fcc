using System.Runtime.InteropServices;
using System.Text;

namespace PointSystem.Local.Processes;

/// <summary>The few calls of the C library that .NET has no API for. Unix only.</summary>
internal static class Native
{
    public const int SigInt = 2;
    public const int SigQuit = 3;
    public const int SigKill = 9;
    public const int SigTerm = 15;
    private const int Ok = 0;

    // These differ between Linux and the BSDs, macOS among them.
    public static int SigStop => OperatingSystem.IsLinux() ? 19 : 17;

    public static int SigContinue => OperatingSystem.IsLinux() ? 18 : 19;

    public static int SigUser1 => OperatingSystem.IsLinux() ? 10 : 30;

    public static int ParentProcessId => GetParentProcessId();

    public static bool IsRoot => !OperatingSystem.IsWindows() && GetEffectiveUserId() == 0;

    /// <summary>Sends a signal; false when the process is gone or not ours to signal.</summary>
    public static bool Signal(int processId, int signal) => Kill(processId, signal) == Ok;

    public static bool ChangeOwner(string path, UnixUser user) => ChangeOwnerCore([.. Encoding.UTF8.GetBytes(path), 0], user.UserId, user.GroupId) == Ok;

    /// <summary>Leaves the terminal's foreground group, so that Ctrl+C reaches the runner alone and the order of shutdown is its own.</summary>
    public static void StartSession() => _ = SetSession();

    public static bool BecomeUser(UnixUser user) =>
        SetGroups(0, IntPtr.Zero) == Ok && SetGroupId(user.GroupId) == Ok && SetUserId(user.UserId) == Ok;

    /// <summary>Turns this process into another program; returns the error number only when that failed.</summary>
    public static int Execute(string path, IReadOnlyList<string> arguments)
    {
        var argv = new IntPtr[arguments.Count + 2];
        argv[0] = Marshal.StringToCoTaskMemUTF8(path);
        for (var i = 0; i < arguments.Count; i++)
        {
            argv[i + 1] = Marshal.StringToCoTaskMemUTF8(arguments[i]);
        }
        _ = ExecuteCore(argv[0], argv);
        return Marshal.GetLastPInvokeError();
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processId, int signal);

    [DllImport("libc", EntryPoint = "getppid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetParentProcessId();

    [DllImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint GetEffectiveUserId();

    [DllImport("libc", EntryPoint = "setsid", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetSession();

    [DllImport("libc", EntryPoint = "setgroups", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetGroups(nint count, IntPtr groups);

    [DllImport("libc", EntryPoint = "setgid", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetGroupId(uint group);

    [DllImport("libc", EntryPoint = "setuid", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetUserId(uint user);

    [DllImport("libc", EntryPoint = "chown", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeOwnerCore(byte[] path, uint user, uint group);

    [DllImport("libc", EntryPoint = "execv", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ExecuteCore(IntPtr path, IntPtr[] arguments);
}

/// <summary>A user and its main group, by number.</summary>
internal sealed record UnixUser(string Name, uint UserId, uint GroupId);
