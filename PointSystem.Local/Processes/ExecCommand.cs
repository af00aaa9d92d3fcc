using System.Globalization;

namespace PointSystem.Local.Processes;

/// <summary>
/// The verb <c>exec</c>: waits for one byte, leaves the terminal's group, drops to another user if asked, and becomes the given program.
/// </summary>
/// <remarks>
/// The byte comes once the reaper knows this process: were the runner killed before, its input would end and nothing would have been started.
/// </remarks>
internal static class ExecCommand
{
    public const string Name = "exec";
    public const char Go = '\n';
    private const string UserOption = "--user";
    private const string End = "--";

    public static string[] Arguments(UnixUser? user) =>
        user is null ? [End] : [UserOption, string.Create(CultureInfo.InvariantCulture, $"{user.UserId}:{user.GroupId}"), End];

    public static int Run(IReadOnlyList<string> arguments)
    {
        using (var input = Console.OpenStandardInput(1))
        {
            if (input.ReadByte() < 0)
            {
                return 1;
            }
        }
        Native.StartSession();
        var end = arguments.ToList().IndexOf(End);
        if (end == 2 && !Native.BecomeUser(ParseUser(arguments[1])))
        {
            Console.Error.WriteLine("Could not drop to the unprivileged user " + arguments[1]);
            return 1;
        }
        var program = arguments[end + 1];
        var error = Native.Execute(program, [.. arguments.Skip(end + 2)]);
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Could not start {program}: error {error}"));
        return 1;
    }

    private static UnixUser ParseUser(string text)
    {
        var parts = text.Split(':');
        return new UnixUser("", uint.Parse(parts[0], CultureInfo.InvariantCulture), uint.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
