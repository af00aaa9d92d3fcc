using System.ComponentModel;
using System.Diagnostics;

namespace PointSystem.Local.Processes;

/// <summary>Finds programs on PATH.</summary>
internal static class Executables
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    public static string? OnPath(string name) => In(name, Environment.GetEnvironmentVariable("PATH") ?? "");

    /// <summary>
    /// Whether the file is a program that starts here and exits successfully: a file without execute permission, or for another
    /// processor, does not.
    /// </summary>
    public static bool Runs(string file, string argument)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(file, argument) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            if (process.WaitForExit(AnswerLimit))
            {
                return process.ExitCode == 0;
            }
            process.Kill(entireProcessTree: true);
            return false;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    internal static string? In(string name, string path)
    {
        string[] names = OperatingSystem.IsWindows() ? [name + ".exe", name + ".cmd"] : [name];
        return path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(directory => names.Select(candidate => Path.Combine(directory.Trim('"'), candidate)))
            .FirstOrDefault(File.Exists);
    }
}
