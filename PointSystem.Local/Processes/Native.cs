using System.Runtime.InteropServices;
using System.Text;

namespace PointSystem.Local.Processes;

/// <summary>C library calls for which .NET has no API. Unix only.</summary>
internal static class Native
{
    public const int SigInt = 2;
    public const int SigQuit = 3;
    public const int SigKill = 9;
    public const int SigTerm = 15;
    private const int Ok = 0;

    // These numbers differ between Linux and the BSDs, including macOS.
    public static int SigStop => OperatingSystem.IsLinux() ? 19 : 17;

    public static int SigContinue => OperatingSystem.IsLinux() ? 18 : 19;

    public static bool IsRoot => !OperatingSystem.IsWindows() && GetEffectiveUserId() == 0;

    /// <summary>Sends a signal; false when the process is gone or belongs to another user.</summary>
    public static bool Signal(int processId, int signal) => Kill(processId, signal) == Ok;

    public static bool ChangeOwner(string path, UnixUser user) => ChangeOwnerCore([.. Encoding.UTF8.GetBytes(path), 0], user.UserId, user.GroupId) == Ok;

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processId, int signal);

    [DllImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint GetEffectiveUserId();

    [DllImport("libc", EntryPoint = "chown", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeOwnerCore(byte[] path, uint user, uint group);
}

/// <summary>A user and its main group, by number.</summary>
internal sealed record UnixUser(string Name, uint UserId, uint GroupId);
